"""What goes next: everything until it is stored, today before the backlog, never more than the window."""

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.event import Lane, Stream
from agent.ranges import Ranges
from agent.uplink.dispatch import BATCH_FROM, BATCH_SIZE, HANDFUL_S, TODAYS_PLACES, Dispatch, Parcel

WINDOW = 20
ALERT, RECORD, METRIC = STREAMS = tuple(Stream("01J6X", lane) for lane in Lane)
NOTHING = Ranges()
LONG_AGO = -1e9


def backlog(count: int, stream: Stream = RECORD, *, batches: bool = True) -> Dispatch:
    return Dispatch({stream: Ranges([(1, count)])}, batches=batches)


def volley(dispatch: Dispatch, window: int = WINDOW) -> list[Parcel]:
    """Everything that may be in flight at once."""
    parcels: list[Parcel] = []
    while len(parcels) < window and (parcel := dispatch.next(window)) is not None:
        parcels.append(parcel)
    return parcels


def numbers(parcels: list[Parcel]) -> list[int]:
    return [seq for parcel in parcels for seq in range(parcel.first, parcel.last + 1)]


def test_a_backlog_takes_the_window_but_one_place_which_is_todays() -> None:
    dispatch = backlog(5000)
    flying = volley(dispatch)
    assert len(flying) == WINDOW - TODAYS_PLACES == 19
    dispatch.appended(RECORD, 5001, 5001)
    today = dispatch.next(WINDOW)
    assert today is not None
    assert (today.first, today.is_live) == (5001, True)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 19)), max_size=60), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_while_todays_events_wait_every_place_that_comes_free_is_theirs(
    rounds: list[tuple[int, int]], window: int
) -> None:
    """In each round some are pressed and some PUBACKs come, in a broker's order."""
    dispatch = Dispatch({RECORD: Ranges([(1, 100_000)])}, batches=True)
    flying: deque[Parcel] = deque()
    waiting: deque[int] = deque()
    last = 100_000
    for pressed, pubacks in rounds:
        for _ in range(pressed):
            last += 1
            if len(waiting) < BATCH_FROM - 1:
                waiting.append(last)
                dispatch.appended(RECORD, last, last)
        for _ in range(min(pubacks, len(flying))):
            dispatch.arrived(flying.popleft(), at_s=0)
        while len(flying) < window and (parcel := dispatch.next(window)) is not None:
            flying.append(parcel)
            assert parcel.is_live == bool(waiting)
            assert not parcel.is_live or parcel.first == waiting.popleft()
        assert len(flying) == window or not waiting
        assert len(flying) >= window - TODAYS_PLACES, "a backlog leaves no more than today's place empty"


def test_even_a_window_of_one_drains_a_backlog() -> None:
    dispatch = backlog(5)
    for seq in range(1, 6):
        parcel = dispatch.next(1)
        assert parcel is not None
        assert parcel.first == seq
        assert dispatch.next(1) is None
        dispatch.arrived(parcel, at_s=0)


def test_from_twenty_on_a_backlog_travels_in_batches_of_at_most_a_hundred() -> None:
    assert (BATCH_FROM, BATCH_SIZE) == (20, 100)
    assert [parcel.is_batch for parcel in volley(backlog(19))] == [False] * 19
    assert [(p.first, p.last, p.is_batch) for p in volley(backlog(20))] == [(1, 20, True)]
    assert [(p.first, p.last) for p in volley(backlog(250))] == [(1, 100), (101, 200), (201, 250)]


def test_a_receiver_that_cannot_read_batches_is_served_singly() -> None:
    dispatch = backlog(500, batches=False)
    assert {parcel.is_batch for parcel in volley(dispatch)} == {False}


def test_twenty_new_events_at_once_are_a_backlog() -> None:
    dispatch = Dispatch({RECORD: Ranges()}, batches=True)
    dispatch.appended(RECORD, 1, 20)
    assert [(p.first, p.last, p.is_batch, p.is_live) for p in volley(dispatch)] == [(1, 20, True, False)]


def test_alerts_go_before_records_and_records_before_metrics() -> None:
    dispatch = Dispatch({stream: Ranges([(1, 3)]) for stream in STREAMS}, batches=True)
    for stream in reversed(STREAMS):
        dispatch.appended(stream, 4, 4)
    assert [(p.stream, p.first) for p in volley(dispatch)] == [
        *[(stream, 4) for stream in STREAMS],
        *[(stream, seq) for stream in STREAMS for seq in (1, 2, 3)],
    ]


def test_what_the_broker_took_and_the_province_lacks_goes_again_once_it_cannot_be_travelling() -> None:
    dispatch = backlog(5)
    for parcel in volley(dispatch):
        dispatch.arrived(parcel, at_s=100.0)
    have, missing = Ranges([(1, 4)]), Ranges([(2, 2)])
    dispatch.stored(RECORD, have=have, missing=missing, settled_before_s=100.0)
    assert dispatch.next(WINDOW) is None
    dispatch.stored(RECORD, have=have, missing=missing, settled_before_s=100.0 + HANDFUL_S + 0.1)
    again = dispatch.next(WINDOW)
    assert again is not None
    assert (again.first, again.last) == (2, 2)
    assert dispatch.next(WINDOW) is None


def test_a_hole_in_a_batch_does_not_make_it_forget_the_rest_of_the_batch() -> None:
    dispatch = backlog(100)
    for parcel in volley(dispatch):
        dispatch.arrived(parcel, at_s=100.0)
    dispatch.stored(RECORD, have=Ranges([(1, 50)]), missing=Ranges([(10, 10)]), settled_before_s=200.0)
    dispatch.stored(RECORD, have=Ranges([(1, 100)]), missing=Ranges([(10, 10), (60, 70)]), settled_before_s=200.0)
    assert numbers(volley(dispatch)) == [10, *range(60, 71)]


def test_what_is_stored_meanwhile_is_not_sent_again() -> None:
    dispatch = backlog(10)
    dispatch.stored(RECORD, have=Ranges([(1, 8)]), missing=NOTHING, settled_before_s=0)
    assert numbers(volley(dispatch)) == [9, 10]


def test_a_refused_parcel_gives_its_place_back() -> None:
    dispatch = backlog(5000)
    first = volley(dispatch)
    assert dispatch.next(WINDOW) is None
    dispatch.refused(first[0])
    dispatch.again(first[0].stream, first[0].first, first[0].last)
    parcel = dispatch.next(WINDOW)
    assert parcel is not None
    assert parcel.first == 1


def test_what_nobody_confirmed_in_time_waits_again_when_asked() -> None:
    dispatch = backlog(3)
    for at_s, parcel in zip((10.0, 10.5, 50.0), volley(dispatch), strict=True):
        dispatch.arrived(parcel, at_s=at_s)
    dispatch.overdue(RECORD, before_s=40.0)
    assert numbers(volley(dispatch)) == [1, 2]


def test_since_when_the_province_has_been_silent_is_known_until_it_answers() -> None:
    dispatch = backlog(3)
    silent_since = [dispatch.unanswered_since_s]
    for at_s, parcel in enumerate(volley(dispatch)):
        dispatch.arrived(parcel, at_s=10.0 + 5 * at_s)
    silent_since.append(dispatch.unanswered_since_s)
    for upto in (1, 3):
        dispatch.stored(RECORD, have=Ranges([(1, upto)]), missing=NOTHING, settled_before_s=0)
        silent_since.append(dispatch.unanswered_since_s)
    assert silent_since == [None, 10.0, 15.0, None]


def test_a_million_unanswered_events_are_remembered_in_a_handful_of_numbers() -> None:
    dispatch = backlog(1_000_000)
    while (parcel := dispatch.next(WINDOW)) is not None:
        dispatch.arrived(parcel, at_s=50.0)
    handfuls = dispatch._with_broker[RECORD]
    assert [list(handful.events) for handful in handfuls] == [[(1, 1_000_000)]]


@dataclass
class _Sent:
    flying: list[Parcel] = field(default_factory=list)
    with_broker: set[tuple[Stream, int]] = field(default_factory=set)
    stored: set[tuple[Stream, int]] = field(default_factory=set)
    lasts: dict[Stream, int] = field(default_factory=lambda: dict.fromkeys(STREAMS, 0))


def _events(parcel: Parcel) -> set[tuple[Stream, int]]:
    return {(parcel.stream, seq) for seq in range(parcel.first, parcel.last + 1)}


class AnyConnection(RuleBasedStateMachine):
    """A connection on which everything happens in any order; a model of sets stands beside it."""

    streams = st.sampled_from(STREAMS)

    @initialize(counts=st.tuples(*[st.integers(0, 260)] * 3), window=st.integers(1, 20), batches=st.booleans())
    def connect(self, counts: tuple[int, int, int], window: int, batches: bool) -> None:
        self.model = _Sent()
        self.window = window
        self.batches = batches
        self.now_s = 0.0
        self.model.lasts = dict(zip(STREAMS, counts, strict=True))
        self.dispatch = Dispatch(
            {stream: Ranges([(1, last)]) for stream, last in self.model.lasts.items()}, batches=batches
        )

    @rule(stream=streams, count=st.integers(1, 30))
    def append(self, stream: Stream, count: int) -> None:
        last = self.model.lasts[stream]
        self.model.lasts[stream] = last + count
        self.dispatch.appended(stream, last + 1, last + count)

    @rule()
    def send(self) -> None:
        if len(self.model.flying) < self.window:
            parcel = self.dispatch.next(self.window)
            if parcel is not None:
                assert parcel.first <= parcel.last
                assert parcel.last - parcel.first < (BATCH_SIZE if parcel.is_batch else 1)
                assert self.batches or not parcel.is_batch
                assert not (parcel.is_live and parcel.is_batch)
                self.model.flying.append(parcel)

    @precondition(lambda self: self.model.flying)
    @rule(data=st.data())
    def puback(self, data: st.DataObject) -> None:
        parcel = self.model.flying.pop(data.draw(st.integers(0, len(self.model.flying) - 1)))
        self.dispatch.arrived(parcel, at_s=self.now_s)
        self.model.with_broker |= _events(parcel)

    @precondition(lambda self: self.model.flying)
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        parcel = self.model.flying.pop(data.draw(st.integers(0, len(self.model.flying) - 1)))
        self.dispatch.refused(parcel)
        self.dispatch.again(parcel.stream, parcel.first, parcel.last)

    @rule(stream=streams, data=st.data(), settled=st.booleans())
    def province_answers(self, stream: Stream, data: st.DataObject, settled: bool) -> None:
        upto = data.draw(st.integers(0, self.model.lasts[stream]))
        first = data.draw(st.integers(1, upto + 1))
        missing = Ranges([(first, data.draw(st.integers(first - 1, upto)))])
        have = Ranges([(1, upto)])
        self.dispatch.stored(stream, have=have, missing=missing, settled_before_s=1e9 if settled else LONG_AGO)
        self.model.stored |= {(stream, seq) for a, b in have.without(missing) for seq in range(a, b + 1)}
        if settled:
            self.model.with_broker -= {(stream, seq) for a, b in missing for seq in range(a, b + 1)}

    @rule()
    def time_passes(self) -> None:
        self.now_s += 2.0

    @invariant()
    def the_window_holds_and_the_backlogs_part_of_it(self) -> None:
        if hasattr(self, "model"):
            assert len(self.model.flying) <= self.window
            backlog = [parcel for parcel in self.model.flying if not parcel.is_live]
            assert len(backlog) <= max(1, self.window - TODAYS_PLACES)

    def teardown(self) -> None:
        """From here on the broker takes everything: every event that is not stored has been sent."""
        if not hasattr(self, "model"):
            return
        for parcel in self.model.flying:
            self.dispatch.arrived(parcel, at_s=self.now_s)
            self.model.with_broker |= _events(parcel)
        while (parcel_or_none := self.dispatch.next(self.window)) is not None:
            self.dispatch.arrived(parcel_or_none, at_s=self.now_s)
            self.model.with_broker |= _events(parcel_or_none)
        everything = {(stream, seq) for stream, last in self.model.lasts.items() for seq in range(1, last + 1)}
        assert everything - self.model.stored <= self.model.with_broker
        assert self.dispatch.waiting == 0


TestAnyConnection = AnyConnection.TestCase
TestAnyConnection.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("window", range(1, 21))
@given(count=st.integers(1, 400))
@settings(max_examples=10, deadline=None)
def test_today_never_waits_behind_a_backlog(window: int, count: int) -> None:
    """With the backlog's part of the window full, a new event goes at once if there is any place at all."""
    dispatch = backlog(count, batches=False)
    flying = volley(dispatch, max(1, window - TODAYS_PLACES))
    dispatch.appended(RECORD, count + 1, count + 1)
    if len(flying) < window:
        parcel = dispatch.next(window)
        assert parcel is not None
        assert (parcel.first, parcel.is_live) == (count + 1, True)
