"""A phone's vote, cast from another thread into the real ballot box."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ManualClock
from agent.event import Lane, Stream
from agent.health import Health
from agent.outbox.store import Outbox
from agent.rating.box import Release
from agent.rating.clerk import Clerk
from agent.rating.desk import Desk, Rules
from agent.rating.keypad.keys import Keys
from agent.rating.phone.token import Token
from agent.rating.record import RatingData, Reason
from agent.rating.scale import VN4
from agent.rating.service import RatingService
from agent.rating.tray import Tray
from agent.rating.urn import Cast, Vote
from tests.rating.running import running

MORNING = datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))


class Counter:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(MORNING)
        self.outbox = Outbox(folder / "outbox.db", province="40", agent="na-0123", clock=self.clock, keep_days=0)
        rules = Rules(is_open=lambda at: at.hour < 17)
        self.tray = Tray()
        self.service = RatingService(
            Desk(VN4, {"keypad": Keys({"31": 3})}, rules),
            self.tray,
            clerk=Clerk(self.outbox, Release(), bucket_min=0, clock=self.clock),
            thank=lambda _: None,
            clock=self.clock,
            health=Health(self.clock),
        )

    def token(self, number: int = 0) -> Token:
        return Token(b"dev", int(self.clock.now().timestamp()) // 60, number.to_bytes(2))

    @property
    def ratings(self) -> list[RatingData]:
        rows = self.outbox.read(Stream(self.outbox.epoch, Lane.RECORD), 1, 10**6)
        return [RatingData.model_validate(json.loads(body)["data"]) for _, body in rows]


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    made.outbox.open()
    with running(made.service):
        yield made
    made.outbox.close()


def test_a_vote_is_stored_with_what_the_citizen_said_and_its_token_is_spent(counter: Counter) -> None:
    vote = Vote(1, counter.token(), (Reason.DEADLINE,), "Chờ lâu")
    assert [counter.tray.cast(vote), counter.tray.cast(vote)] == [Cast.TAKEN, Cast.SPENT]
    (rating,) = counter.ratings
    assert (rating.level, rating.channel, rating.valid) == (1, "qr", True)
    assert (rating.reasons, rating.comment, rating.raw) == ((Reason.DEADLINE,), "Chờ lâu", None)


def test_a_level_that_the_scale_does_not_have_is_refused_and_its_token_stays(counter: Counter) -> None:
    assert counter.tray.cast(Vote(9, counter.token())) is Cast.REFUSED
    assert counter.tray.cast(Vote(3, counter.token())) is Cast.TAKEN


def test_more_phones_than_can_stand_before_one_code_are_flagged(counter: Counter) -> None:
    quota = counter.token().quota
    votes = [Vote(3, counter.token(number)) for number in range(quota + 1)]
    assert {counter.tray.cast(vote) for vote in votes} == {Cast.TAKEN}
    assert [rating.flags for rating in counter.ratings] == [()] * quota + [("quota",)]


def test_a_printed_code_is_never_valid(counter: Counter) -> None:
    counter.tray.cast(Vote(3, None))
    counter.tray.cast(Vote(3, counter.token(), is_static=True))
    assert [(each.channel, each.valid, each.flags) for each in counter.ratings] == [
        ("qr_static", False, ("low_trust",))
    ] * 2


def test_a_vote_is_judged_by_the_time_its_code_was_shown_however_late_it_comes(counter: Counter) -> None:
    token = counter.token()
    counter.clock.advance(timedelta(hours=14).total_seconds())
    counter.tray.cast(Vote(3, token))
    counter.tray.cast(Vote(3, counter.token(1)))
    assert [rating.flags for rating in counter.ratings] == [(), ("off_hours",)]


def test_a_vote_that_nobody_took_in_time_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.rating.tray.ANSWER_S", 0.01)
    counter = Counter(tmp_path)
    assert counter.tray.cast(Vote(3, counter.token())) is Cast.LATER
    with running(counter.service):
        monkeypatch.setattr("agent.rating.tray.ANSWER_S", 10.0)
        assert counter.tray.cast(Vote(0, counter.token())) is Cast.TAKEN
    assert [rating.level for rating in counter.ratings] == [0]
    counter.outbox.close()
