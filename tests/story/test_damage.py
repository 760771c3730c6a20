"""Cards rot and fill up. The counter goes on, says so, and what can be saved arrives."""

import fcntl
import os
import sqlite3
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.event import Lane
from tests.broker import Broker
from tests.disk import fill
from tests.eventually import eventually
from tests.story.counter import CODES, Counter, Ear, Province


def test_a_damaged_outbox_gives_way_and_what_can_be_read_arrives_as_it_was(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    mosquitto.stop()
    counter.start()
    for code in CODES:
        counter.press(code)
    old, rows = counter.epoch, counter.stored()
    counter.stop()  # everything is in the file now, nothing in its log
    rot(counter.outbox, seq=2)
    counter.start()
    mosquitto.start()
    eventually(lambda: len(province.seqs()) >= 3, within_s=40)
    counter.press("31")
    eventually(lambda: any(event["epoch"] != old for event in province.events()), within_s=40)
    saved = [body for seq, body in rows if seq != 2]
    assert [body for _, body in province._bodies(Lane.RECORD, old)] == saved
    alert = eventually(lambda: province.events(Lane.ALERT), within_s=20)[-1]["data"]
    assert (alert["code"], alert["old_epoch"]) == ("OUTBOX_REPLACED", old)


def rot(path: Path, *, seq: int) -> None:
    """Turn one bit of a rating's row, as it stands on the card."""
    with closing(sqlite3.connect(path)) as db:
        ((row,),) = db.execute("select body from record where seq = ?", (seq,))
    content = bytearray(path.read_bytes())
    content[content.index(row) + len(row) // 2] ^= 0x40
    path.write_bytes(content)


def test_on_a_full_card_ratings_are_still_taken_and_health_says_so(
    small_disk: Path, counter: Counter, province: Province, mosquitto: Broker
) -> None:
    counter.outbox = small_disk / "outbox.db"
    counter.settings["outbox"]["path"] = str(counter.outbox)
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        counter.press("31")
        fill(small_disk / "filler")
        for code in CODES * 5:
            counter.press(code)
        eventually(lambda: (ear.last("up/health/disk") or {}).get("code") == "DISK_FULL", within_s=15)
    eventually(lambda: len(province.seqs()) == 21, within_s=30)


SHUTDOWN = 0x8004587D
"""ioctl(2): the file system answers everything with an input/output error from now on (linux/fs.h, since 4.4)."""
AT_ONCE = struct.pack("I", 2)
"""Nothing is flushed first."""


class Card:
    """An ext4 file system in a file, which can be made to answer with errors and be mended."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ext4"
        self._image = folder / "ext4.img"
        self.path.mkdir()
        with self._image.open("wb") as file:
            file.truncate(48 * 1024 * 1024)
        subprocess.run(["mkfs.ext4", "-q", "-F", self._image], check=True)
        self.mount()

    def mount(self) -> None:
        """On a loop device of its own each time: `mount -o loop` would hand back the one that fails."""
        found = subprocess.run(["losetup", "--find", "--show", self._image], check=True, capture_output=True, text=True)
        loop = found.stdout.strip()
        subprocess.run(["mount", loop, self.path], check=True)
        subprocess.run(["losetup", "--detach", loop], check=True)  # goes with the last use

    def fail(self) -> None:
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, AT_ONCE)
        finally:
            os.close(handle)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", self.path], check=True)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    made = Card(tmp_path)
    yield made
    made.unmount()


def test_a_card_that_answers_with_errors_is_said_nobody_is_thanked_and_the_press_is_stored_when_it_works_again(
    card: Card, counter: Counter, province: Province, mosquitto: Broker
) -> None:
    counter.outbox = card.path / "outbox.db"
    counter.settings["outbox"]["path"] = str(counter.outbox)
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        counter.press("31")
        eventually(lambda: len(province.seqs()) == 1, within_s=20)
        card.fail()
        counter.keypad.press("34")
        eventually(lambda: (ear.last("up/health/outbox") or {}).get("status") == "failed", within_s=20)
        assert len(province.seqs()) == 1
        card.unmount()
        card.mount()
        eventually(lambda: len(province.seqs()) == 2, within_s=60)
        eventually(lambda: ear.last("up/health/outbox")["status"] == "ok", within_s=20)
    assert [event["data"]["raw"] for event in province.events()] == ["31", "34"]
