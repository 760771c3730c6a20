"""What each order does; how orders are taken is tested with the commands."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Fact, Lane, Stream
from agent.health import Condition, Health, Status
from agent.language import language
from agent.orders import Duties
from agent.outbox.store import Outbox
from agent.rating.inspection.modes import ModeKind
from agent.rating.inspection.sign import Sign
from agent.rating.inspection.slip import Slip
from agent.screen.content.manifest import parsed
from agent.screen.content.sets import Sets
from agent.screen.media.store import MediaStore
from agent.screen.planning.emergency import Siren
from agent.screen.scene import EMERGENCY_CHARACTERS, EMERGENCY_LINES, TITLE_CHARACTERS
from agent.settings.load import load
from agent.uplink.mailbox import Mailbox
from agent.uplink.payload import Result
from tests.blind import blind
from tests.screen.content.words import NOTICE, a_set

CLOCK = ManualClock(datetime(2026, 9, 1, 1, 15, tzinfo=UTC))


@pytest.fixture
def duties(tmp_path: Path) -> Iterator[Duties]:
    outbox = Outbox(tmp_path / "outbox.db", province="40", agent="na-0123", clock=CLOCK, keep_days=0)
    with closing(outbox), closing(Mailbox()) as mailbox:
        outbox.open()
        outbox.append(*(Fact(EventType.RATING, CLOCK.now(), CLOCK.quality(), {"level": 3}) for _ in range(5)))
        yield Duties(
            clock=CLOCK,
            health=Health(CLOCK),
            outbox=outbox,
            mailbox=mailbox,
            words=lambda: language("vi"),
            renew=lambda: "0123456789abcdef",
            pictures=blind(outbox, mailbox, CLOCK),
            sign=Sign(tmp_path / "mode.json", CLOCK, None),
            slip=Slip(tmp_path / "inspection-code.json", CLOCK, None),
            siren=Siren(tmp_path / "emergency.json", CLOCK, None, None),
            sets=Sets(tmp_path / "content", MediaStore(tmp_path / "screen")),
            best=lambda: 3,
        )


def test_a_ping_tells_the_time_and_how_sure_it_is(duties: Duties) -> None:
    assert duties.ping({}).answer == {"at": "2026-09-01T01:15:00.000+00:00", "clock": "ntp"}


def test_health_is_told_whole(duties: Duties) -> None:
    duties.health.report("disk", Condition(Status.DEGRADED, "DISK_FULL", {"free_mb": 90}))
    said = json.loads(Result(status="done", **duties.tell_health({}).answer).encode())
    told = said["components"]["disk"]
    assert (told["status"], told["code"]) == ("degraded", "DISK_FULL")
    assert "90" in told["message"]


def test_a_reload_answers_with_what_runs_now(duties: Duties) -> None:
    assert duties.reload({}).answer == {"hash": "0123456789abcdef"}


def test_a_reload_of_a_bad_file_fails_with_its_problems(duties: Duties, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("counter: {}\n")
    with pytest.raises(PersonMustAct, match=r"config\.yaml:1"):
        replace(duties, renew=lambda: str(load(path))).reload({})


def replay(duties: Duties, first: Any, last: Any, **more: Any) -> dict[str, Any]:
    return dict(
        duties.replay({"lane": "record", "epoch": duties.outbox.epoch, "from": first, "to": last, **more}).answer
    )


def test_a_replay_is_handed_to_the_uplink_as_far_as_there_are_events(duties: Duties) -> None:
    assert replay(duties, 2, 3) == {"from": 2, "to": 3, "sent": 2}
    assert replay(duties, 0, 10**18) == {"from": 1, "to": 5, "sent": 5}
    stream = Stream(duties.outbox.epoch, Lane.RECORD)
    assert duties.mailbox.take_replays() == [(stream, 2, 3), (stream, 1, 5)]


def test_a_replay_of_what_is_not_here_is_refused_with_what_is(duties: Duties) -> None:
    with pytest.raises(TryAgain, match="lane record holds 1 to 5"):
        replay(duties, 6, 9)
    with pytest.raises(PersonMustAct, match="is not on this box"):
        replay(duties, 1, 2, epoch="01J6X4Q0000000000000000000")
    assert duties.mailbox.take_replays() == []


@pytest.mark.parametrize("wrong", [{"lane": "bulk"}, {"from": "x"}, {"to": None}], ids=str)
def test_arguments_that_make_no_sense_are_refused(duties: Duties, wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        duties.replay({"lane": "record", "epoch": duties.outbox.epoch, "from": 1, "to": 2, **wrong})


def test_transactions_of_a_day_are_kept_as_a_count(duties: Duties) -> None:
    assert duties.transactions({"date": "2026-08-31", "count": 300}).answer == {"date": "2026-08-31", "count": 300}
    ((_, body),) = duties.outbox.read(Stream(duties.outbox.epoch, Lane.METRIC), 1, 9)
    assert json.loads(body)["data"] == {"code": "TRANSACTIONS", "date": "2026-08-31", "count": 300}


@pytest.mark.parametrize(
    "wrong",
    [{"date": "31/08/2026"}, {"date": None}, {"date": "2026-09-02"}, {"count": -1}, {"count": "300"}, {"count": True}],
    ids=str,
)
def test_transactions_that_cannot_be_are_refused(duties: Duties, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"date|count|isoformat"):
        duties.transactions({"date": "2026-08-31", "count": 300, **wrong})


def test_every_order_has_a_name_that_a_topic_can_carry(duties: Duties) -> None:
    assert all(name.isascii() and name.replace("-", "").isalpha() and name.islower() for name in duties.handlers())


def test_a_training_lasts_for_minutes_or_until_a_time_and_can_be_ended(duties: Duties) -> None:
    assert duties.training({"by": "Phòng PV01", "minutes": 90}).answer == {"mode": "training", "minutes": 90.0}
    assert duties.sign.left_s == 90 * 60
    assert duties.training({"by": "PV01", "until": "2026-09-01T10:15:00+07:00"}).answer["minutes"] == 120
    assert duties.training({"by": "PV01", "minutes": 0}).answer == {"mode": "none"}
    assert duties.sign.left_s == 0


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"minutes": 10}, "by:"),
        ({"by": " ", "minutes": 10}, "by:"),
        ({"by": "x" * 81, "minutes": 10}, "80 characters"),
        ({"by": "PV01"}, "minutes or until"),
        ({"by": "PV01", "minutes": -1}, "minutes"),
        ({"by": "PV01", "minutes": 481}, "at most 480 minutes"),
        ({"by": "PV01", "minutes": "nan"}, "at most 480 minutes"),
        ({"by": "PV01", "minutes": "inf"}, "at most 480 minutes"),
        ({"by": "PV01", "until": "2026-09-01T17:00:00"}, "needs its zone"),
        ({"by": "PV01", "until": "2026-09-01T07:00:00+07:00"}, "it is over"),
        ({"by": "PV01", "until": "2026-09-02T17:00:00+07:00"}, "at most 480 minutes"),
    ],
    ids=str,
)
def test_a_training_without_a_name_or_an_end_is_refused(duties: Duties, wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        duties.training(wrong)
    assert duties.sign.mode is None


def test_a_clock_that_is_not_sure_takes_minutes_only(duties: Duties) -> None:
    unsure = replace(duties, clock=ManualClock(CLOCK.now(), quality=ClockQuality.FLOOR))
    with pytest.raises(PersonMustAct, match="say minutes"):
        unsure.training({"by": "PV01", "until": "2026-09-01T10:15:00+07:00"})


def test_a_training_does_not_interrupt_an_inspection_nor_ends_it(duties: Duties) -> None:
    duties.sign.hang(ModeKind.INSPECTION, by="Đoàn 3", lasts_s=600)
    with pytest.raises(TryAgain, match="an inspection is on"):
        duties.training({"by": "PV01", "minutes": 10})
    duties.training({"by": "PV01", "minutes": 0})
    assert duties.sign.left_s == 600


def test_an_inspection_begins_by_order_and_is_never_longer_than_ten_minutes(duties: Duties) -> None:
    assert duties.inspect({"by": "Đoàn 3"}).answer == {"mode": "inspection", "minutes": 10}
    assert duties.sign.left_s == 600
    with pytest.raises(ValueError, match="by:"):
        duties.inspect({})


def test_a_code_is_armed_for_a_day_at_most_and_can_be_taken_back(duties: Duties) -> None:
    assert duties.arm({"by": "PX03", "code": "143124", "minutes": 600}).answer == {"armed": True, "minutes": 600.0}
    assert duties.slip.passcode is not None
    for wrong in ({"code": "143125", "minutes": 10}, {"minutes": 10}, {"code": "143124", "minutes": 1441}):
        with pytest.raises(ValueError, match="code"):
            duties.arm({"by": "PX03", **wrong})
    assert duties.arm({"by": "PX03", "minutes": 0}).answer == {"armed": False}
    assert duties.slip.passcode is None


EMERGENCY = {"by": "UBND tỉnh", "title": "Bão số 5", "lines": ["Quầy tạm đóng cửa", "Gọi 114 khi cần cứu hộ"]}


def test_an_emergency_takes_the_screen_for_minutes_or_until_a_time_and_can_be_taken_back(duties: Duties) -> None:
    assert duties.emergency({**EMERGENCY, "minutes": 90}).answer == {"emergency": True, "minutes": 90.0}
    on = duties.siren.look()
    assert on is not None
    assert (on[0].notice.title, on[0].notice.lines, on[1]) == (EMERGENCY["title"], tuple(EMERGENCY["lines"]), 90 * 60)
    assert duties.emergency({**EMERGENCY, "until": "2026-09-01T10:15:00+07:00"}).answer["minutes"] == 120
    both = {"until": "2026-09-01T10:15:00+07:00", "minutes": 600}
    assert duties.emergency({**EMERGENCY, **both}).answer["minutes"] == 120, (
        "whoever takes it late ends with the others"
    )
    assert duties.emergency({"by": "UBND tỉnh", "minutes": 0}).answer == {"emergency": False}
    assert duties.siren.look() is None


def test_an_emergency_for_a_counter_that_is_not_sure_of_the_time_lasts_its_minutes(duties: Duties) -> None:
    clock = ManualClock(CLOCK.now(), quality=ClockQuality.NONE)
    unsure = replace(duties, clock=clock)
    answer = unsure.emergency({**EMERGENCY, "until": "2020-01-01T00:00:00+07:00", "minutes": 60}).answer
    assert answer["minutes"] == 60


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"by": ""}, "by:"),
        ({"title": " "}, "title: a text of 1 to"),
        ({"title": "x" * (TITLE_CHARACTERS + 1)}, "title: a text of 1 to"),
        ({"title": ["Bão"]}, "title: a text of 1 to"),
        ({"lines": "Gọi 114"}, "lines: a list of at most"),
        ({"lines": ["x"] * (EMERGENCY_LINES + 1)}, "lines: a list of at most"),
        ({"lines": ["x" * EMERGENCY_CHARACTERS]}, f"with the title at most {EMERGENCY_CHARACTERS} characters"),
        ({"lines": ["a\x07b"]}, "lines:"),
        ({"lines": ["Gọi ☎ 114"]}, "lacks ☎"),
        ({"minutes": 72 * 60 + 1}, "at most 72 hours"),
        ({"minutes": float("nan")}, "at most 72 hours"),
    ],
)
def test_an_emergency_nobody_asked_for_or_could_read_is_refused(
    duties: Duties, wrong: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        duties.emergency({**EMERGENCY, "minutes": 60, **wrong})
    with pytest.raises(ValueError, match="minutes or until"):
        duties.emergency(EMERGENCY)
    assert duties.siren.look() is None


def test_the_provinces_set_before_the_present_one_is_shown_again_by_order(duties: Duties) -> None:
    with pytest.raises(PersonMustAct, match="no earlier set"):
        duties.roll_content_back({"by": "Sở Thông tin"})
    for version in (1, 2):
        duties.sets.activate(parsed(a_set(NOTICE, version=version).text()))
    with pytest.raises(ValueError, match="by"):
        duties.roll_content_back({})
    assert duties.roll_content_back({"by": "Sở Thông tin"}).answer == {"set": "tet", "version": 1}
