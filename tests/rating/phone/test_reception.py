"""The counter's own reception: one code one vote, a printed one apart, and nobody let in without either."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ManualClock
from agent.health import Health
from agent.rating.phone.gate import Gate
from agent.rating.phone.reception import HOUR_S, STATIC_PER_HOUR, CounterReception
from agent.rating.phone.sticker import mark_of
from agent.rating.phone.visit import Ground, Place, Visit, VisitRefused
from agent.rating.scale import VN4
from agent.rating.urn import Cast, Vote
from agent.settings.model import Qr

URL = "HTTP://192.168.4.1:8081/R/"


class Counter:
    """A reception at a gate with a secret; the urn remembers what was cast."""

    def __init__(self, folder: Path, mode: str = "local") -> None:
        self.secret = folder / "qr.key"
        self.secret.write_bytes(b"s" * 32)
        self.secret.chmod(0o600)
        self.clock = ManualClock(datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")))
        self.votes: list[Vote] = []
        self.answer = Cast.TAKEN
        qr = Qr.model_validate({"mode": mode, "url": URL, "secret_file": self.secret})
        self.opened: list[None] = []
        health, opened = Health(self.clock), partial(self.opened.append, None)
        self.gate = Gate(qr, "na-0123", clock=self.clock, health=health, opened=opened)
        self.reception = CounterReception(
            self.gate,
            self,
            agent="na-0123",
            place=Place("Một cửa", 1, VN4),
            clock=self.clock,
        )

    def cast(self, vote: Vote) -> Cast:
        if self.answer is Cast.TAKEN:
            self.votes.append(vote)
        return self.answer

    def shown(self) -> str:
        return (self.gate.address() or "").removeprefix(URL)

    def vote(self, visit: Visit) -> Cast:
        return self.reception.cast(visit, Vote(2, visit.token, is_static=visit.is_static))


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


def refused(act: Callable[[], object]) -> Ground:
    with pytest.raises(VisitRefused) as caught:
        act()
    return caught.value.ground


def test_a_code_from_the_screen_opens_and_its_ticket_goes_on(counter: Counter) -> None:
    visit = counter.reception.open(counter.shown())
    counter.clock.advance(599)
    again = counter.reception.resume(visit.ticket)
    assert (again.token, again.is_static, again.place) == (visit.token, False, visit.place)
    assert counter.vote(again) is Cast.TAKEN
    assert counter.votes == [Vote(2, visit.token)]
    counter.clock.advance(1)
    assert refused(lambda: counter.reception.resume(visit.ticket)) is Ground.EXPIRED


@pytest.mark.parametrize(("mode", "by_print"), [("local", 0), ("static", 1)])
def test_whoever_inspects_the_counter_is_told_that_its_code_was_read(tmp_path: Path, mode: str, by_print: int) -> None:
    counter = Counter(tmp_path, mode)
    counter.reception.open(mark_of("na-0123"))
    assert len(counter.opened) == by_print
    counter.reception.open(counter.shown())
    assert len(counter.opened) == by_print + 1


def test_a_code_used_late_has_expired_and_another_counters_is_none(counter: Counter, tmp_path: Path) -> None:
    late = counter.shown()
    counter.clock.advance(120)
    assert refused(lambda: counter.reception.open(late)) is Ground.EXPIRED
    for nonsense in ("", "A" * 29, "x", "S-AAAAA", mark_of("na-0999")):
        assert refused(partial(counter.reception.open, nonsense)) is Ground.INVALID
        assert refused(partial(counter.reception.resume, nonsense)) is Ground.INVALID


def test_a_secret_that_cannot_be_read_is_said_to_pass(counter: Counter) -> None:
    code = counter.shown()
    counter.secret.unlink()
    assert refused(lambda: counter.reception.open(code)) is Ground.LATER


@pytest.mark.parametrize("mode", ["local", "static"])
def test_a_printed_code_is_a_channel_of_its_own_and_each_page_votes_once(tmp_path: Path, mode: str) -> None:
    counter = Counter(tmp_path, mode)
    first, second = (counter.reception.open(mark_of("na-0123").lower()) for _ in range(2))
    assert (first.is_static, first.ticket != second.ticket) == (True, True)
    assert counter.vote(counter.reception.resume(first.ticket)) is Cast.TAKEN
    assert counter.vote(counter.reception.resume(first.ticket)) is Cast.SPENT
    assert counter.vote(counter.reception.resume(second.ticket)) is Cast.TAKEN
    assert counter.votes == [Vote(2, None, is_static=True)] * 2
    counter.clock.advance(600)
    assert refused(lambda: counter.reception.resume(second.ticket)) is Ground.EXPIRED


def test_a_vote_by_a_printed_code_that_was_not_stored_may_be_cast_again(counter: Counter) -> None:
    visit = counter.reception.open(mark_of("na-0123"))
    counter.answer = Cast.LATER
    assert counter.vote(visit) is Cast.LATER
    counter.answer = Cast.TAKEN
    assert counter.vote(visit) is Cast.TAKEN


def test_printed_codes_have_a_quota_an_hour_and_the_screens_codes_do_not_share_it(counter: Counter) -> None:
    last = counter.reception.open(mark_of("na-0123"))
    for _ in range(STATIC_PER_HOUR):
        assert counter.vote(counter.reception.open(mark_of("na-0123"))) is Cast.TAKEN
    assert refused(lambda: counter.vote(last)) is Ground.CROWDED
    assert refused(lambda: counter.reception.open(mark_of("na-0123"))) is Ground.CROWDED
    assert counter.vote(counter.reception.open(counter.shown())) is Cast.TAKEN
    counter.clock.advance(HOUR_S)
    assert counter.vote(counter.reception.open(mark_of("na-0123"))) is Cast.TAKEN


def test_two_phones_with_one_page_of_a_printed_code_at_once_are_one_vote(counter: Counter) -> None:
    visit = counter.reception.open(mark_of("na-0123"))
    together = threading.Barrier(8)

    def cast(_: int) -> Cast:
        together.wait()
        return counter.vote(visit)

    with ThreadPoolExecutor(8) as crowd:
        assert sorted(crowd.map(cast, range(8))) == [*[Cast.SPENT] * 7, Cast.TAKEN]
    assert len(counter.votes) == 1
