"""What the orders do that are about a camera."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from agent.clock import ManualClock
from agent.errors import CounterAgentError, PersonMustAct, TryAgain
from agent.event import Fact, Lane, Stream
from agent.outbox.store import Outbox
from agent.pictures import Pictures
from agent.surveillance.service import CameraService
from agent.surveillance.still import Still
from agent.uplink.commands import Asked

CLOCK = ManualClock(datetime(2026, 9, 1, 1, 15, 30, 900_000, tzinfo=UTC))


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[Pictures]:
    with closing(Outbox(tmp_path / "outbox.db", province="40", agent="na-0123", clock=CLOCK, keep_days=0)) as outbox:
        outbox.open()
        yield Pictures(clock=CLOCK, outbox=outbox, cameras=dict)


def test_a_snapshot_without_a_camera_says_that_there_is_none(pictures: Pictures) -> None:
    with pytest.raises(PersonMustAct, match="no camera is configured"):
        pictures.snapshot({})


class Eye:
    """A camera's service, as far as an order sees it."""

    has_relearned = False

    def snapshot(self, timeout_s: float) -> Still:  # noqa: ARG002
        return Still(b"\xff\xd8picture", 320, 180, time.monotonic(), "pixelated", ("masks", "whole"))

    def relearn(self) -> None:
        self.has_relearned = True

    def clip(self, timeout_s: float) -> Still:
        return replace(self.snapshot(timeout_s), content=b"ftyp film", pictures=12, lasts_s=2.4)


class Full:
    """An outbox that can take nothing more."""

    def append(self, *_: Fact) -> None:
        raise TryAgain("the card is full")


def seeing(pictures: Pictures) -> Pictures:
    return replace(pictures, cameras=lambda: {"quay": cast("CameraService", Eye())})


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
    done = seeing(pictures).clip(Asked({"camera": "quay"}, order="c-1", is_broadcast=False))
    assert done.bulk is not None
    assert (done.bulk.content_type, done.bulk.content) == ("video/mp4", b"ftyp film")
    assert done.bulk.name == "quay-20260901-011530.mp4"
    assert (done.answer["pictures"], done.answer["lasts_s"], done.answer["size"]) == (12, 2.4, 9)
    ((_, body),) = pictures.outbox.read(Stream(pictures.outbox.epoch, Lane.RECORD), 1, 9)
    told = json.loads(body)["data"]
    assert (told["kind"], told["order"], told["pictures"]) == ("clip", "c-1", 12)


def test_a_picture_that_cannot_be_accounted_for_does_not_leave(pictures: Pictures) -> None:
    with pytest.raises(CounterAgentError, match="card is full"):
        replace(seeing(pictures), outbox=cast("Outbox", Full())).snapshot(Asked({}, order="s-8", is_broadcast=False))


def test_relearning_is_done_by_the_camera_that_is_meant(pictures: Pictures) -> None:
    quay, door = Eye(), Eye()
    several = replace(pictures, cameras=lambda: cast("dict[str, CameraService]", {"quay": quay, "door": door}))
    assert several.relearn({"camera": "door"}).answer == {"camera": "door"}
    assert (quay.has_relearned, door.has_relearned) == (False, True)
    with pytest.raises(PersonMustAct, match='no camera "yard"; known: quay, door'):
        several.relearn({"camera": "yard"})
