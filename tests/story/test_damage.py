"""Cards rot and fill up. The counter goes on, says so, and what can be saved arrives."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.event import Lane
from tests.broker import Broker
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
    content = bytearray(counter.outbox.read_bytes())
    at = content.index(b'"seq":2,')
    content[at + 6] ^= 0x40
    counter.outbox.write_bytes(content)
    counter.start()
    mosquitto.start()
    eventually(lambda: len(province.seqs()) >= 3, within_s=40)
    counter.press("31")
    eventually(lambda: any(event["epoch"] != old for event in province.events()), within_s=40)
    saved = [body for seq, body in rows if seq != 2]
    assert [body for _, body in province._bodies(Lane.RECORD, old)] == saved
    alert = eventually(lambda: province.events(Lane.ALERT), within_s=20)[-1]["data"]
    assert (alert["code"], alert["old_epoch"]) == ("OUTBOX_REPLACED", old)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A card of 24 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "card"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(path: Path) -> None:
    """Write to *path* until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))


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
