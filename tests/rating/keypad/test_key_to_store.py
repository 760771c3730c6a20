"""From a key on a pseudo-terminal to a chained event on disk, through every real part between them."""

import json
import queue
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.clock import SystemClock
from agent.event import Lane, Stream, chain_hash
from agent.health import Health
from agent.outbox.store import Outbox
from agent.rating.box import Release
from agent.rating.clerk import Clerk
from agent.rating.desk import Desk, Rules
from agent.rating.keypad.keys import Keys
from agent.rating.keypad.service import KeypadService
from agent.rating.scale import VN4
from agent.rating.service import RatingService
from agent.rating.tray import Tray
from drivers.keypad.serial import SerialKeypad
from drivers.keypad.sim import PtyKeypad
from drivers.keypad.wiring import SerialOptions
from tests.eventually import eventually
from tests.rating.running import running

KEYS = Keys({"31": 3, "32": 2, "33": 1, "34": 0})


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    clock = SystemClock(ZoneInfo("Asia/Ho_Chi_Minh"))
    outbox = Outbox(tmp_path / "outbox.db", province="40", agent="na-0123", clock=clock, keep_days=90)
    outbox.open()
    yield outbox
    outbox.close()


def test_a_key_becomes_a_chained_event_before_the_thanks_and_a_correction_names_it(
    tmp_path: Path, outbox: Outbox
) -> None:
    clock = SystemClock(ZoneInfo("Asia/Ho_Chi_Minh"))
    health, tray, thanks = Health(clock), Tray(), queue.Queue[int]()
    desk = RatingService(
        Desk(VN4, {"keypad": KEYS}, Rules(), counter=1, commune="17329"),
        tray,
        clerk=Clerk(outbox, Release(), bucket_min=0, clock=clock),
        thank=lambda _: thanks.put(outbox.marks()[Lane.RECORD].last),
        clock=clock,
        health=health,
    )
    with PtyKeypad(tmp_path / "keypad") as far_end:
        options = SerialOptions(port=str(far_end.path))
        keeper = KeypadService(
            "keypad", lambda: SerialKeypad(options), partial(tray.put, "keypad"), keys=KEYS, health=health
        )
        with running(desk), running(keeper):
            eventually(health.reports)
            began = time.monotonic()
            far_end.press("31")
            assert thanks.get(timeout=5) == 1
            assert time.monotonic() - began < 0.3
            far_end.press("34")
            assert thanks.get(timeout=5) == 2
    (_, first), (_, second) = outbox.read(Stream(outbox.epoch, Lane.RECORD), 1, 2)
    rating, correction = json.loads(first), json.loads(second)
    assert (rating["type"], rating["data"]["level"], rating["data"]["raw"]) == ("vn.motcua.rating.v1", 3, "31")
    assert correction["previous"] == chain_hash(first)
    assert correction["data"]["corrects"] == rating["id"]
    assert (correction["data"]["level"], correction["data"]["first"]) == (0, 3)
