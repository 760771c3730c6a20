"""Which recordings go first, and that no more go than must."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.surveillance.recording.retention import Limits, Recording, expired

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
GENEROUS = Limits(keep_days=15, limit_bytes=10**12, free_bytes=0)


def recordings(*ages_days: float, size_bytes: int = 10) -> list[Recording]:
    return [
        Recording(number, f"quay/{number}.mp4", NOW - timedelta(days=age), size_bytes)
        for number, age in enumerate(ages_days)
    ]


def gone(limits: Limits, given: list[Recording], *, free_bytes: int = 10**12, now: datetime | None = NOW) -> list[int]:
    total = sum(recording.size_bytes for recording in given)
    return [each.id for each in expired(given, limits, total_bytes=total, free_bytes=free_bytes, now=now)]


def test_what_is_older_than_its_days_goes() -> None:
    assert gone(GENEROUS, recordings(20, 15.1, 14.9, 1)) == [0, 1]


def test_nothing_goes_by_a_clock_that_cannot_be_believed() -> None:
    assert gone(GENEROUS, recordings(400, 20), now=None) == []


def test_what_nobody_can_date_goes_for_room_alone() -> None:
    undated = [Recording(0, "0.mp4", None, 10), Recording(1, "1.mp4", NOW, 10)]
    assert gone(GENEROUS, undated) == []
    assert gone(Limits(keep_days=15, limit_bytes=15, free_bytes=0), undated) == [0]


def test_what_was_recorded_first_goes_when_there_is_too_much() -> None:
    limits = Limits(keep_days=15, limit_bytes=25, free_bytes=0)
    assert gone(limits, recordings(4, 3, 2, 1)) == [0, 1]
    assert gone(limits, recordings(4, 3, 2, 1), now=None) == [0, 1]


def test_ratings_have_room_before_video_has() -> None:
    limits = Limits(keep_days=15, limit_bytes=10**12, free_bytes=100)
    assert gone(limits, recordings(4, 3, 2, 1), free_bytes=85) == [0, 1]
    assert gone(limits, recordings(4, 3, 2, 1), free_bytes=100) == []


@given(
    st.lists(st.tuples(st.floats(0, 40), st.integers(1, 100)), max_size=40),
    st.integers(0, 30),
    st.integers(0, 2000),
    st.integers(0, 300),
)
def test_all_limits_are_kept_and_the_newest_that_may_stay_stay(
    given_ones: list[tuple[float, int]], keep_days: int, limit_bytes: int, free_bytes: int
) -> None:
    ordered = sorted(given_ones, reverse=True)
    kept = [Recording(n, f"{n}", NOW - timedelta(days=age), size) for n, (age, size) in enumerate(ordered)]
    limits = Limits(keep_days, limit_bytes, free_bytes=200)
    out = gone(limits, kept, free_bytes=free_bytes)
    assert out == list(range(len(out)))
    rest = kept[len(out) :]
    freed = sum(each.size_bytes for each in kept[: len(out)])
    if rest:
        assert all(each.ended_at is not None and each.ended_at >= NOW - timedelta(days=keep_days) for each in rest)
        assert sum(each.size_bytes for each in rest) <= limit_bytes
        assert free_bytes + freed >= 200
    if out:  # the last one that went had to go
        last, without = kept[len(out) - 1], freed - kept[len(out) - 1].size_bytes
        assert (
            (last.ended_at or NOW) < NOW - timedelta(days=keep_days)
            or sum(each.size_bytes for each in kept[len(out) - 1 :]) > limit_bytes
            or free_bytes + without < 200
        )
