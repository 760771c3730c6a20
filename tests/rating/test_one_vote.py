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
from agent.rating.gate import Gate
from agent.rating.token import Token
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
