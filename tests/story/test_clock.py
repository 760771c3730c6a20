"""A box that does not know the time keeps every rating, and the province puts the times right."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.event import Lane
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import Counter, Ear, Province, same_events

A_MOMENT = timedelta(seconds=2)


class MovedCounter(Counter):
    """A counter whose wall clock is moved while it runs."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        super().__init__(folder, broker_url)
        self.clocks = folder / "clocks.json"
        self.program = [str(Path(__file__).with_name("moved_daemon.py")), str(self.clocks)]
        self._machine: dict[str, Any] = {"boot": "9f2c00000000", "shift_s": 0.0, "aged_s": 0.0, "synchronised": True}
        self.set_clock(shift_s=0, synchronised=True)

    def set_clock(self, *, shift_s: float, synchronised: bool, boot: str = "9f2c00000000") -> None:
        self._machine |= {"boot": boot, "shift_s": shift_s, "synchronised": synchronised}
        new = self.clocks.with_suffix(".new")
        new.write_text(json.dumps(self._machine))
        new.replace(self.clocks)

    def let_pass(self, seconds: float, *, boot: str = "9f2c00000000") -> None:
        """So much time passes at once, for every clock of the machine."""
        self._machine["aged_s"] = self._machine["aged_s"] + seconds
        self.set_clock(shift_s=self._machine["shift_s"], synchronised=True, boot=boot)

    def press_at(self) -> datetime:
        """Press a key; the true time of it."""
        at = datetime.now(UTC)
        self.press()
        return at


@pytest.fixture
def counter(tmp_path: Path, mosquitto: Broker) -> Iterator[MovedCounter]:
    box = MovedCounter(tmp_path / "counter", mosquitto.url)
    yield box
    box.close()


def times(province: Province, lane: Lane = Lane.RECORD) -> list[datetime]:
    """The times to use of a lane's events, in order."""
    with closing(sqlite3.connect(f"file:{province.path}?mode=ro", uri=True, timeout=5)) as db:
        rows = db.execute("select at from event_time where lane = ? order by epoch, seq", (lane,)).fetchall()
    return [datetime.fromisoformat(at) for (at,) in rows]


def clock_events(province: Province) -> list[dict[str, Any]]:
    return [event for event in province.events(Lane.ALERT) if event["type"] == "vn.motcua.clock.v1"]


def are_right(province: Province, pressed: list[datetime]) -> bool:
    found = times(province)
    assert len(found) == len(pressed)
    assert [at for at, true in zip(found, pressed, strict=True) if abs(at - true) > A_MOMENT] == []
    return True


def test_ratings_from_1970_are_at_their_true_time_after_the_network_was_heard(
    counter: MovedCounter, province: Province, mosquitto: Broker
) -> None:
    counter.set_clock(shift_s=20 - time.time(), synchronised=False)
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        pressed = [counter.press_at()]
        eventually(lambda: len(province.events()) == 1, within_s=15)
        rating = province.events()[0]
        assert rating["time"].startswith("1970-01-01T")
        assert rating["clock"] == "none"
        assert times(province)[0].year == 1970
        eventually(lambda: (ear.last("up/health/clock") or {}).get("code") == "CLOCK_UNSURE", within_s=10)
        counter.set_clock(shift_s=0, synchronised=True)
        eventually(lambda: clock_events(province), within_s=15)
        eventually(lambda: (ear.last("up/health/clock") or {}).get("code") == "OK", within_s=10)
    pressed.append(counter.press_at())
    eventually(lambda: are_right(province, pressed), within_s=15)
    (told,) = clock_events(province)
    assert (told["data"]["kind"], told["data"]["from"]["clock"], told["clock"]) == ("trusted", "none", "ntp")
    assert told["data"]["boot"] == rating["boot"]
    added = datetime.fromisoformat(rating["time"]) + timedelta(seconds=told["data"]["offset_s"])
    assert abs(added - pressed[0]) <= A_MOMENT, "the offset alone is enough, too"
    assert same_events(counter, province), "not a byte of what was said is changed"


def test_an_hour_turned_back_by_hand_is_told_and_undone(
    counter: MovedCounter, province: Province, mosquitto: Broker
) -> None:
    counter.start()
    pressed = [counter.press_at()]
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.set_clock(shift_s=-3600, synchronised=False)
        eventually(lambda: clock_events(province), within_s=15)
        eventually(lambda: (ear.last("up/health/clock") or {}).get("code") == "CLOCK_BEFORE_FLOOR", within_s=10)
    pressed.append(counter.press_at())
    eventually(lambda: are_right(province, pressed), within_s=15)
    said = clock_events(province)[0]["data"]
    assert said["kind"] == "jump"
    assert said["offset_s"] == pytest.approx(-3600, abs=0.5)
    assert [event["clock"] for event in province.events()] == ["ntp", "none"]
    assert province.seqs() == [1, 2]


def test_a_power_cut_is_dated_afterwards_and_a_box_without_the_time_knows_it(
    counter: MovedCounter, province: Province
) -> None:
    counter.start()
    counter.press()
    mark = counter.folder / "state" / "alive.json"
    eventually(mark.exists, within_s=10)
    died = datetime.now(UTC)
    counter.kill()
    counter.set_clock(shift_s=-86400, synchronised=False, boot="an0therb00t0")
    counter.start()
    (told,) = eventually(lambda: clock_events(province), within_s=15)
    said = told["data"]
    assert (said["kind"], said["last"]["ending"], said["last"]["boot"]) == ("start", "power", "9f2c00000000")
    assert timedelta(0) <= died - datetime.fromisoformat(said["last"]["at"]) <= timedelta(seconds=60)
    assert told["clock"] == "none", "yesterday, by the mark that the life before left"
    counter.stop()
    assert json.loads(mark.read_text())["clean"] is True


def test_what_happened_to_the_clock_while_the_broker_was_away_arrives_after_it(
    counter: MovedCounter, province: Province, mosquitto: Broker
) -> None:
    mosquitto.stop()
    counter.set_clock(shift_s=20 - time.time(), synchronised=False)
    counter.start()
    pressed = [counter.press_at()]
    for shift_s in (-7200, -86400, 0):
        counter.set_clock(shift_s=shift_s, synchronised=shift_s == 0)
        told = len(counter.stored(Lane.ALERT))
        eventually(lambda: len(counter.stored(Lane.ALERT)) > told, within_s=10)  # noqa: B023 - asked within the round
        pressed.append(counter.press_at())
    mosquitto.start()
    eventually(lambda: len(province.events()) == 4 and len(clock_events(province)) == 3, within_s=40)
    eventually(lambda: are_right(province, pressed), within_s=10)
    assert [event["data"]["kind"] for event in clock_events(province)] == ["jump", "jump", "trusted"]
