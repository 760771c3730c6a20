"""One token, one vote: whoever opened the page with it, however often, and after whatever happened to the box."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ManualClock
from agent.errors import TokenSpent
from agent.event import EventType, Fact
from agent.health import Health
from agent.outbox.store import Outbox
from agent.rating.box import Release
from agent.rating.clerk import Clerk
from agent.rating.desk import Desk, Rules
from agent.rating.phone.gate import Gate
from agent.rating.phone.token import Token
from agent.rating.record import Flag
from agent.rating.scale import VN4
from agent.rating.urn import Vote
from agent.settings.model import Qr

URL = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/"


class Counter:
    """A gate and a ballot box on a real disk."""

    def __init__(self, folder: Path) -> None:
        secret = folder / "qr.key"
        secret.touch(0o600)
        secret.write_bytes(b"k" * 32)
        self.clock = ManualClock(datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")))
        self.folder = folder
        self.settings = Qr.model_validate({"mode": "portal", "url": URL, "secret_file": secret})
        self.start()

    def start(self) -> None:
        self.gate = Gate(self.settings, "na-0123", clock=self.clock, health=Health(self.clock))
        self.outbox = Outbox(self.folder / "outbox.db", province="40", agent="na-0123", clock=self.clock, keep_days=0)
        self.outbox.open()

    def restart(self) -> None:
        self.outbox.close()
        self.start()

    def scan(self) -> str:
        return (self.gate.address() or "").removeprefix(URL)

    def vote(self, token: Token, level: int = 3) -> bool:
        """Whether the vote was taken."""
        fact = Fact(EventType.RATING, self.clock.now(), self.clock.quality(), {"level": level})
        try:
            self.outbox.hold(fact, token=token.head, slot=token.shown_at_s)
        except TokenSpent:
            return False
        return True


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    counter = Counter(tmp_path)
    yield counter
    counter.outbox.close()


def test_of_two_phones_with_one_token_at_once_one_wins(counter: Counter) -> None:
    """Both scanned the same code before it changed, both were let in, both press at the same moment."""
    shown, taken = counter.scan(), []
    tickets = [counter.gate.admit(shown)[1] for _ in range(8)]
    together = threading.Barrier(len(tickets))

    def answer(ticket: str) -> None:
        token = counter.gate.answering(ticket)
        together.wait(5)
        taken.append(counter.vote(token))

    phones = [threading.Thread(target=answer, args=(ticket,)) for ticket in tickets]
    for phone in phones:
        phone.start()
    for phone in phones:
        phone.join(20)
    assert sorted(taken) == [False] * 7 + [True]


def test_a_token_replayed_is_spent_after_a_restart_and_a_clock_set_back_too(counter: Counter) -> None:
    token, ticket = counter.gate.admit(counter.scan())
    assert counter.vote(token, level=0)
    counter.restart()
    assert not counter.vote(counter.gate.answering(ticket))
    counter.clock.set_wall(counter.clock.now() - timedelta(hours=1))
    counter.restart()
    assert not counter.vote(counter.gate.answering(ticket))


def test_who_votes_with_every_token_that_the_screen_shows_is_bounded_by_its_quota(counter: Counter) -> None:
    taken: list[Token] = []
    for _ in range(120):
        token, _ticket = counter.gate.admit(counter.scan())
        if counter.vote(token):
            taken.append(token)
        counter.clock.advance(1)
    slots = [token.slot for token in taken]
    assert len(slots) == 12
    assert max(slots.count(slot) for slot in slots) == taken[0].quota == 6
    assert counter.outbox.spent_in(taken[0].shown_at_s) == 6


def test_the_seventh_vote_of_a_minute_is_kept_and_flagged(counter: Counter) -> None:
    token = counter.gate.admit(counter.scan())[0]
    desk = Desk(VN4, {}, Rules())
    sixth, seventh = (desk.vote(Vote(0, token), at=1.0, in_slot=before).data for before in (5, 6))
    assert (sixth.valid, sixth.flags) == (True, ())
    assert (seventh.valid, seventh.flags) == (False, (Flag.QUOTA,))


def test_votes_with_a_printed_code_use_up_no_slot_of_the_screen(counter: Counter) -> None:
    """The portal makes tokens for them, whose longer slot may begin with the same second."""
    shown = Token(counter.gate.keys().device, 945 * 4, b"ab", 60)
    made = [Token(shown.device, 60 * 4, bytes([0, number]), 945) for number in range(9)]
    assert {token.shown_at_s for token in made} == {shown.shown_at_s}
    for token in made:
        assert counter.vote(token)
    clerk = Clerk(counter.outbox, Release(), bucket_min=15, clock=counter.clock)
    assert clerk.spent_in(shown) == 0
    assert clerk.spent_in(made[0]) == 9
