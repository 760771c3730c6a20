"""What each order does; how orders are taken is tested with the commands."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.errors import CounterAgentError, PersonMustAct, TryAgain
from agent.event import EventType, Fact, Lane, Stream
from agent.health import Condition, Health, Status
from agent.language import language
from agent.orders import Duties
from agent.outbox.store import Outbox
from agent.rating.modes import ModeKind
from agent.rating.sign import Sign
from agent.rating.slip import Slip
from agent.settings.load import load
from agent.surveillance.service import CameraService
from agent.surveillance.still import Still
from agent.uplink.commands import Asked
from agent.uplink.mailbox import Mailbox
from agent.uplink.payload import Result

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
            cameras=dict,
            sign=Sign(tmp_path / "mode.json", CLOCK, None),
            slip=Slip(tmp_path / "inspection-code.json", CLOCK, None),
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


def test_a_snapshot_without_a_camera_says_that_there_is_none(duties: Duties) -> None:
    with pytest.raises(PersonMustAct, match="no camera is configured"):
        duties.snapshot({})


class Eye:
    """A camera's service, as far as an order sees it."""

    has_relearned = False

    def snapshot(self, timeout_s: float) -> Still:  # noqa: ARG002
        return Still(b"\xff\xd8picture", 320, 180, time.monotonic(), "pixelated", ("masks", "whole"))

    def relearn(self) -> None:
        self.has_relearned = True

    def clip(self, timeout_s: float) -> Still:
        return replace(self.snapshot(timeout_s), jpeg=b"ftyp film", pictures=12, lasts_s=2.4)


class Full:
    """An outbox that can take nothing more."""

    def append(self, *_: Fact) -> None:
        raise TryAgain("the card is full")


def seeing(duties: Duties) -> Duties:
    return replace(duties, cameras=lambda: {"quay": cast("CameraService", Eye())})


def test_a_picture_that_leaves_is_an_event_that_says_who_asked_and_what_was_hidden(duties: Duties) -> None:
    asked = Asked({"by": "Phòng CS QLHC"}, order="s-7", is_broadcast=True)
    done = seeing(duties).snapshot(asked)
    assert done.bulk is not None
    ((_, body),) = duties.outbox.read(Stream(duties.outbox.epoch, Lane.RECORD), 6, 9)
    said = json.loads(body)
    assert said["type"] == "vn.motcua.egress.v1"
    assert said["data"] == {
        "kind": "snapshot",
        "camera": "quay",
        "order": "s-7",
        "is_broadcast": True,
        "by": "Phòng CS QLHC",
        "pictures": 1,
        "egress": "pixelated",
        "hidden": ["masks", "whole"],
    }


def test_a_clip_is_handed_over_as_a_film_and_its_pictures_are_counted(duties: Duties) -> None:
    done = seeing(duties).clip(Asked({"camera": "quay"}, order="c-1", is_broadcast=False))
    assert done.bulk is not None
    assert (done.bulk.content_type, done.bulk.content) == ("video/mp4", b"ftyp film")
    assert (done.answer["pictures"], done.answer["lasts_s"], done.answer["size"]) == (12, 2.4, 9)
    ((_, body),) = duties.outbox.read(Stream(duties.outbox.epoch, Lane.RECORD), 6, 9)
    told = json.loads(body)["data"]
    assert (told["kind"], told["order"], told["pictures"]) == ("clip", "c-1", 12)


def test_a_picture_that_cannot_be_accounted_for_does_not_leave(duties: Duties) -> None:
    with pytest.raises(CounterAgentError, match="card is full"):
        replace(seeing(duties), outbox=cast("Outbox", Full())).snapshot(Asked({}, order="s-8", is_broadcast=False))


def test_relearning_is_done_by_the_camera_that_is_meant(duties: Duties) -> None:
    quay, door = Eye(), Eye()
    several = replace(duties, cameras=lambda: cast("dict[str, CameraService]", {"quay": quay, "door": door}))
    assert several.relearn({"camera": "door"}).answer == {"camera": "door"}
    assert (quay.has_relearned, door.has_relearned) == (False, True)
    with pytest.raises(PersonMustAct, match='no camera "yard"; known: quay, door'):
        several.relearn({"camera": "yard"})


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
