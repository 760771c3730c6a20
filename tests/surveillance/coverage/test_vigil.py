"""What a camera's service tells its vigil, and which lapses come of it."""

import pytest

from agent.surveillance.cause import Cause
from agent.surveillance.coverage.vigil import Lapse, Vigil, cause_of
from agent.surveillance.heartbeat import Beat

NEVER = Beat()


def seen(at: float, *, picture_at: float | None = None, broken_at: float = 0.0) -> Beat:
    return Beat(1.0, at, broken_at, at if picture_at is None else picture_at, 0.04, 2.0, picture_at or at)


class Watched:
    """A vigil, and what stands in the end."""

    def __init__(self, *, is_recorded: bool = False) -> None:
        self._lapses: dict[int, Lapse] = {}
        self.vigil = Vigil(lambda lapse: self._lapses.__setitem__(lapse.number, lapse))
        self.vigil.is_recorded = is_recorded

    @property
    def lapses(self) -> list[tuple[Cause, float, float | None]]:
        return [(lapse.cause, lapse.since, lapse.until) for lapse in self._lapses.values()]

    def lose(self, cause: Cause, beat: Beat, *, started_at: float = 0.0, is_cut: bool = False) -> None:
        self.vigil.lose(cause, beat, started_at=started_at, is_cut=is_cut)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_lost_session_lasts_from_its_last_packet_to_the_next_valid_picture(watched: Watched) -> None:
    watched.vigil.see(seen(100.0, picture_at=99.0))
    watched.lose(Cause.STALL, seen(101.5, picture_at=101.0))
    watched.vigil.see(NEVER)
    watched.lose(Cause.STALL, NEVER, started_at=104.0)
    watched.vigil.see(seen(117.2, picture_at=117.0))
    watched.vigil.see(seen(120.0))
    assert watched.lapses == [(Cause.STALL, 101.5, 117.0)]


def test_a_killed_process_takes_the_open_group_of_pictures_of_a_recording_along() -> None:
    for is_recorded, since in ((True, 101.0), (False, 101.5)):
        watched = Watched(is_recorded=is_recorded)
        watched.lose(Cause.AGENT, seen(101.5, picture_at=101.0), is_cut=True)
        assert watched.lapses == [(Cause.AGENT, since, None)]


def test_a_silence_that_turns_out_to_be_the_networks_was_the_networks_from_its_beginning(watched: Watched) -> None:
    watched.lose(Cause.STALL, seen(100.0))
    watched.lose(Cause.NETWORK, NEVER, started_at=103.0)
    watched.vigil.see(seen(130.0))
    assert watched.lapses == [(Cause.NETWORK, 100.0, 130.0)]


def test_another_cause_begins_with_the_process_that_met_it(watched: Watched) -> None:
    watched.lose(Cause.NETWORK, seen(100.0), started_at=1.0)
    watched.lose(Cause.AGENT, NEVER, started_at=110.0)
    watched.vigil.see(seen(130.0))
    assert watched.lapses == [(Cause.NETWORK, 100.0, 110.0), (Cause.AGENT, 110.0, 130.0)]


def test_key_frames_that_are_no_pictures_are_a_lapse_from_the_first_to_the_next_good_one(watched: Watched) -> None:
    watched.vigil.see(seen(100.0))
    watched.vigil.see(seen(103.0, picture_at=100.0, broken_at=102.0))
    watched.vigil.see(seen(106.1, picture_at=106.0))
    assert watched.lapses == [(Cause.CORRUPT, 102.0, 106.0)]


def test_a_process_that_was_given_up_because_it_saw_nothing_leaves_one_cause(watched: Watched) -> None:
    watched.vigil.see(seen(103.0, picture_at=100.0, broken_at=102.0))
    watched.lose(Cause.CORRUPT, seen(104.6, picture_at=100.0, broken_at=102.0), is_cut=True)
    watched.vigil.see(seen(107.0))
    assert {lapse[0] for lapse in watched.lapses} == {Cause.CORRUPT}
    assert [lapse[1:] for lapse in watched.lapses] == [(102.0, 107.0), (102.0, 107.0)]


def test_what_is_told_late_is_dated_to_when_it_began(watched: Watched) -> None:
    watched.vigil.see(seen(100.0))
    watched.vigil.look(is_tampered=False, since=1.0)
    watched.vigil.look(is_tampered=True, since=94.0)
    watched.vigil.look(is_tampered=True, since=94.0)
    watched.vigil.record(is_refused=True, since=98.0)
    watched.vigil.look(is_tampered=False, since=120.0)
    watched.vigil.record(is_refused=False, since=125.0)
    assert watched.lapses == [(Cause.TAMPER, 94.0, 120.0), (Cause.DISK, 98.0, 125.0)]


def test_a_service_that_broke_down_is_the_agents_own_lapse_from_what_it_saw_last(watched: Watched) -> None:
    watched.vigil.see(seen(100.0))
    watched.vigil.look(is_tampered=True, since=90.0)
    watched.vigil.resume(105.0)
    watched.vigil.see(seen(108.0))
    assert watched.lapses == [(Cause.TAMPER, 90.0, 105.0), (Cause.AGENT, 100.0, 108.0)]


def test_before_the_first_picture_of_a_life_there_is_what_ended_the_life_before(watched: Watched) -> None:
    watched.vigil.wait(Cause.POWER, since=10.0)
    watched.vigil.resume(11.0)
    watched.vigil.see(seen(19.0))
    assert watched.lapses == [(Cause.POWER, 10.0, 19.0)]


@pytest.mark.parametrize(
    ("code", "over_network", "at_the_box"),
    [
        ("CAMERA_AWAY", Cause.NETWORK, Cause.STALL),
        ("CAMERA_ENDED", Cause.NETWORK, Cause.STALL),
        ("CAMERA_STALLED", Cause.STALL, Cause.STALL),
        ("CAMERA_CRASHED", Cause.AGENT, Cause.AGENT),
        ("CAMERA_LOGIN", Cause.AGENT, Cause.AGENT),
        ("CAMERA_CHANGED", Cause.CORRUPT, Cause.CORRUPT),
        ("CAMERA_UNREADABLE", Cause.CORRUPT, Cause.CORRUPT),
    ],
)
def test_every_ending_has_one_cause(code: str, over_network: Cause, at_the_box: Cause) -> None:
    assert cause_of(code, is_networked=True) is over_network
    assert cause_of(code, is_networked=False) is at_the_box
