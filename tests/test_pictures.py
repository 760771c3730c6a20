"""What the orders do that are about a camera."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from agent.clock import ManualClock
from agent.errors import CounterAgentError, PersonMustAct, TryAgain
from agent.event import Fact, Lane, Stream
from agent.outbox.store import Outbox
from agent.pictures import WATCH_PART_BYTES, Pictures
from agent.surveillance.egress.still import Still
from agent.surveillance.egress.viewing import Viewings
from agent.surveillance.egress.watch import GLANCE_S, Leases
from agent.surveillance.service import CameraService
from agent.uplink.commands import Asked, Done
from agent.uplink.mailbox import Mailbox
from agent.uplink.payload import Message
from tests.blind import blind


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 9, 1, 1, 15, 30, 900_000, tzinfo=UTC))


@pytest.fixture
def pictures(tmp_path: Path, clock: ManualClock) -> Iterator[Pictures]:
    outbox = Outbox(tmp_path / "outbox.db", province="40", agent="na-0123", clock=clock, keep_days=0)
    with closing(outbox), closing(Mailbox()) as mailbox:
        outbox.open()
        yield blind(outbox, mailbox, clock)


def test_a_snapshot_without_a_camera_says_that_there_is_none(pictures: Pictures) -> None:
    with pytest.raises(PersonMustAct, match="no camera is configured"):
        pictures.snapshot(Asked({"by": "PC06"}, order="s-1", is_broadcast=False))


class Eye:
    """A camera's service, as far as an order sees it."""

    has_relearned = False

    def snapshot(self, timeout_s: float) -> Still:  # noqa: ARG002
        return Still(b"\xff\xd8picture", 320, 180, time.monotonic(), "pixelated", ("masks", "whole"))

    egress = "pixelated"
    always_hidden = ("masks",)

    def glimpse(self, timeout_s: float) -> Still:
        return replace(self.snapshot(timeout_s), content=b"\xff\xd8" + 20_000 * b"x")

    def relearn(self) -> None:
        self.has_relearned = True

    def clip(self, timeout_s: float) -> Still:
        return replace(self.snapshot(timeout_s), content=b"ftyp film", pictures=12, lasts_s=2.4)


class Full:
    """An outbox that can take nothing more."""

    def append(self, *_: Fact) -> None:
        raise TryAgain("the card is full")


def seeing(pictures: Pictures, watched: Callable[[int], None] = lambda _: None) -> Pictures:
    cameras = {"quay": cast("CameraService", Eye())}
    viewings = Viewings(pictures.outbox.path.with_name("viewings.json"), pictures.clock, pictures.outbox.append)
    leases = Leases(viewings, pictures.clock, cameras=lambda: cameras, watched=watched)
    return replace(pictures, cameras=lambda: cameras, leases=leases)


def test_a_picture_that_leaves_is_an_event_that_says_who_asked_and_what_was_hidden(pictures: Pictures) -> None:
    asked = Asked({"by": "Phòng CS QLHC"}, order="s-7", is_broadcast=True)
    done = seeing(pictures).snapshot(asked)
    assert done.bulk is not None
    ((_, body),) = pictures.outbox.read(Stream(pictures.outbox.epoch, Lane.RECORD), 1, 9)
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


def test_a_clip_is_handed_over_as_a_film_and_its_pictures_are_counted(pictures: Pictures) -> None:
    done = seeing(pictures).clip(Asked({"by": "PC06", "camera": "quay"}, order="c-1", is_broadcast=False))
    assert done.bulk is not None
    assert (done.bulk.content_type, done.bulk.content) == ("video/mp4", b"ftyp film")
    assert done.bulk.name == "quay-20260901-011530.mp4"
    assert (done.answer["pictures"], done.answer["lasts_s"], done.answer["size"]) == (12, 2.4, 9)
    ((_, body),) = pictures.outbox.read(Stream(pictures.outbox.epoch, Lane.RECORD), 1, 9)
    told = json.loads(body)["data"]
    assert (told["kind"], told["order"], told["pictures"]) == ("clip", "c-1", 12)


def test_a_picture_that_cannot_be_accounted_for_does_not_leave(pictures: Pictures) -> None:
    with pytest.raises(CounterAgentError, match="card is full"):
        replace(seeing(pictures), outbox=cast("Outbox", Full())).snapshot(
            Asked({"by": "PC06"}, order="s-8", is_broadcast=False)
        )


def test_relearning_is_done_by_the_camera_that_is_meant(pictures: Pictures) -> None:
    quay, door = Eye(), Eye()
    several = replace(pictures, cameras=lambda: cast("dict[str, CameraService]", {"quay": quay, "door": door}))
    assert several.relearn({"camera": "door"}).answer == {"camera": "door"}
    assert (quay.has_relearned, door.has_relearned) == (False, True)
    with pytest.raises(PersonMustAct, match='no camera "yard"; known: quay, door'):
        several.relearn({"camera": "yard"})


def watching(pictures: Pictures, order: str = "w-1", **arguments: Any) -> list[Mapping[str, Any]]:
    """Give an order to watch; what it came to, once it has."""
    answers: list[Mapping[str, Any]] = []
    asked = Asked({"by": "PC06", **arguments}, order=order, is_broadcast=False, finish=answers.append)
    done = pictures.watch(asked)
    return [done.answer] if isinstance(done, Done) else answers


def said(pictures: Pictures) -> list[Message]:
    """What a link that takes everything at once has carried."""
    messages = []
    while (word := pictures.mailbox.take_leisurely()) is not None:
        messages.append(word.message)
        word.answered()
    return messages


def test_a_watch_hands_each_still_over_as_a_bulk_of_its_own_in_small_parts(
    pictures: Pictures, clock: ManualClock
) -> None:
    pictures = seeing(pictures)
    pictures.mailbox.open_link()
    answers = watching(pictures, minutes=0.1, every_s=2)
    pictures.leases.tend()
    first = said(pictures)
    assert [message.topic.partition("/up/")[2] for message in first] == [
        *(f"bulk/w-1-1/{part}" for part in range(3)),
        "bulk/w-1-1/manifest",
    ]
    assert max(len(message.payload) for message in first) <= WATCH_PART_BYTES
    assert b"".join(message.payload for message in first[:-1]) == b"\xff\xd8" + 20_000 * b"x"
    manifest = json.loads(first[-1].payload)
    assert (manifest["parts"], manifest["about"]["camera"], manifest["about"]["hidden"]) == (
        3,
        "quay",
        ["masks", "whole"],
    )
    clock.advance(2)
    pictures.leases.tend()
    assert said(pictures)[-1].topic.endswith("/up/bulk/w-1-2/manifest")
    assert answers == []
    clock.advance(10)
    pictures.leases.tend()
    assert [(answer["pictures"], answer["ended"]) for answer in answers] == [(2, "time")]


def test_a_link_that_has_not_taken_a_still_gets_no_other_one(pictures: Pictures, clock: ManualClock) -> None:
    pictures = seeing(pictures)
    pictures.mailbox.open_link()
    watching(pictures, minutes=1, every_s=2)
    for _ in range(5):
        pictures.leases.tend()
        clock.advance(2)
    assert len(said(pictures)) == 4


def test_a_watch_ends_with_the_link_and_nothing_of_it_goes_over_the_next_one(pictures: Pictures) -> None:
    pictures = seeing(pictures)
    pictures.mailbox.open_link()
    answers = watching(pictures, minutes=1)
    pictures.leases.tend()
    pictures.mailbox.close_link()
    pictures.mailbox.open_link()
    pictures.leases.tend()
    assert said(pictures) == []
    assert answers[0]["ended"] == "link"


def test_zero_minutes_end_a_watch(pictures: Pictures) -> None:
    pictures = seeing(pictures)
    pictures.mailbox.open_link()
    answers = watching(pictures)
    assert watching(pictures, "w-2", minutes=0) == [{"camera": "quay", "stopped": True}]
    assert answers[0]["ended"] == "stopped"
    assert watching(pictures, "w-3", minutes=0) == [{"camera": "quay", "stopped": False}]


@pytest.mark.parametrize(
    "wrong", [{"by": ""}, {"minutes": 11}, {"minutes": -1}, {"every_s": 0}, {"every_s": "x"}], ids=str
)
def test_a_watch_without_a_name_or_without_bounds_is_refused(pictures: Pictures, wrong: dict[str, Any]) -> None:
    pictures = seeing(pictures)
    pictures.mailbox.open_link()
    with pytest.raises(ValueError, match=r"by|minutes|every_s|float"):
        watching(pictures, **wrong)
    assert pictures.leases.watchers() == {}


def test_nobody_watches_every_counter_at_once(pictures: Pictures) -> None:
    with pytest.raises(PersonMustAct, match="one counter"):
        seeing(pictures).watch(Asked({"by": "PC06"}, order="w-1", is_broadcast=True))


def look(pictures: Pictures, kind: str, order: str, **arguments: Any) -> Done:
    asked = Asked({"by": "PC06", **arguments}, order=order, is_broadcast=False)
    done = pictures.handlers()[kind](asked)
    assert isinstance(done, Done)
    return done


@pytest.mark.parametrize("kind", ["snapshot", "clip"])
def test_a_picture_without_who_asks_does_not_leave_and_the_screen_says_nothing(pictures: Pictures, kind: str) -> None:
    watchers: list[int] = []
    with pytest.raises(ValueError, match="by: who asks"):
        look(seeing(pictures, watchers.append), kind, "s-1", by=" ")
    assert watchers == []


@pytest.mark.parametrize(("kind", "every_s"), [("snapshot", 5), ("clip", 30)])
def test_single_pictures_are_no_watch_in_disguise(
    pictures: Pictures, clock: ManualClock, kind: str, every_s: int
) -> None:
    pictures = seeing(pictures)
    look(pictures, kind, "s-1")
    clock.advance(every_s - 2)
    with pytest.raises(TryAgain, match=f"a {kind} of camera quay left just now; the next one may in 2 s"):
        look(pictures, kind, "s-2")
    look(pictures, "snapshot" if kind == "clip" else "clip", "s-3")
    clock.advance(2)
    look(pictures, kind, "s-4")


@pytest.mark.parametrize("kind", ["snapshot", "clip"])
def test_the_screen_says_that_somebody_looks_from_before_a_picture_for_some_seconds(
    pictures: Pictures, clock: ManualClock, kind: str
) -> None:
    watchers: list[int] = []
    pictures = seeing(pictures, watchers.append)
    with pytest.raises(TryAgain, match="card is full"):
        look(replace(pictures, outbox=cast("Outbox", Full())), kind, "s-1")
    assert watchers == [1]
    look(pictures, kind, "s-2")
    clock.advance(GLANCE_S - 1)
    pictures.leases.tend()
    assert watchers[-1] == 1
    clock.advance(1)
    pictures.leases.tend()
    assert watchers[-1] == 0


def test_nobody_has_a_clip_of_every_counter_at_once(pictures: Pictures) -> None:
    with pytest.raises(PersonMustAct, match="one counter"):
        seeing(pictures).clip(Asked({"by": "PC06"}, order="c-1", is_broadcast=True))
