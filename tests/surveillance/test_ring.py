"""The last groups of pictures in memory: what is kept can be decoded, and never outgrows its limit."""

from hypothesis import given
from hypothesis import strategies as st

from agent.surveillance.ring import Ring
from drivers.base import Packet


def packet(number: int, size_bytes: int = 10, *, is_keyframe: bool = False) -> Packet:
    return Packet(data=number, size_bytes=size_bytes, is_keyframe=is_keyframe, at_monotonic=float(number))


def kept(ring: Ring) -> list[list[object]]:
    return [[one.data for one in group] for group in ring.groups()]


def test_the_group_being_received_comes_first_and_the_whole_one_before_it_second() -> None:
    ring = Ring()
    for number in range(25):
        ring.add(packet(number, is_keyframe=number % 10 == 0))
    assert kept(ring) == [list(range(20, 25)), list(range(10, 20))]


def test_nothing_is_kept_before_the_first_key_frame() -> None:
    ring = Ring()
    ring.add(packet(1))
    assert kept(ring) == []
    ring.add(packet(2, is_keyframe=True))
    assert kept(ring) == [[2]]


def test_the_older_group_makes_room_for_the_newer() -> None:
    ring = Ring(limit_bytes=60)
    for number in range(8):
        ring.add(packet(number, is_keyframe=number in (0, 4)))
    assert kept(ring) == [[4, 5, 6, 7]]


def test_a_group_that_outgrows_the_limit_keeps_its_beginning() -> None:
    ring = Ring(limit_bytes=30)
    for number, size_bytes in enumerate((10, 10, 50, 1, 1)):
        ring.add(packet(number, size_bytes, is_keyframe=number == 0))
    assert kept(ring) == [[0, 1]]


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=60))
def test_it_never_outgrows_its_limit_and_every_group_is_an_unbroken_run_from_a_key_frame(
    packets: list[tuple[int, bool]],
) -> None:
    ring = Ring(limit_bytes=100)
    for number, (size_bytes, is_keyframe) in enumerate(packets):
        ring.add(packet(number, size_bytes, is_keyframe=is_keyframe))
        groups = ring.groups()
        assert sum(one.size_bytes for group in groups for one in group) <= 100
        for group in groups:
            assert [one.is_keyframe for one in group] == [True] + [False] * (len(group) - 1)
            assert [one.data for one in group] == list(
                range(int(group[0].at_monotonic), int(group[-1].at_monotonic) + 1)
            )
