"""What the rated people might do to the box that rates them, and what the province sees of each.

A rolled back clock is in `test_clock.py`; swapped key caps are found by an inspection (`test_inspection.py`).
"""

import json
import shutil
import sqlite3
import zlib
from collections import Counter as Tally
from contextlib import closing
from functools import partial

from agent.event import Lane
from agent.outbox.heads import Head
from agent.outbox.rows import events
from agent.rating.keypad.keys import Keys
from agent.verify import verify_file
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import CODES, Counter, Ear, Province, same_events
from tests.story.test_modes import ROOT, order


def database(counter: Counter) -> list[str]:
    """The names of the database's files."""
    return [path.name for path in counter.outbox.parent.glob(f"{counter.outbox.name}*") if "reserve" not in path.name]


def replaced(province: Province) -> list[str]:
    alerts = [event["data"] for event in province.events(Lane.ALERT)]
    return [data["reason"] for data in alerts if data.get("code") == "OUTBOX_REPLACED"]


def holds_more_than(counter: Counter, count: int) -> bool:
    return len(counter.stored()) > count


def heads_held(province: Province) -> list[Head]:
    """What the province's own copy says."""
    return [Head(*each.place, each.last, each.head) for each in verify_file(province.path)]


def test_a_deleted_database_is_told_by_the_box_itself_and_takes_nothing_from_the_province(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    with Ear(mosquitto.port).open(f"{ROOT}/up/#") as ear:
        counter.start()
        counter.press("34")
        counter.press("34")
        eventually(lambda: same_events(counter, province), within_s=20)
        epoch, held = counter.epoch, heads_held(province)
        counter.stop()
        for name in database(counter):
            (counter.outbox.parent / name).unlink()
        counter.start()
        counter.press("31")
        eventually(lambda: replaced(province), within_s=20)
        eventually(lambda: (ear.last("up/health/outbox") or {}).get("code") == "OUTBOX_REPLACED", within_s=20)
    eventually(lambda: [event["data"]["level"] for event in province.events()].count(0) == 2, within_s=10)
    eventually(lambda: len(province.events()) == 3, within_s=10)
    assert len({event["epoch"] for event in province.events()}) == 2
    gone = [each for each in verify_file(counter.outbox, held) if each.place.epoch == epoch]
    assert gone
    assert all(each.broken is not None and "missing" in each.broken.reason for each in gone)


def test_a_database_put_back_from_an_old_copy_is_noticed_and_hides_nothing(
    counter: Counter, province: Province
) -> None:
    counter.start()
    counter.press("31")
    eventually(lambda: same_events(counter, province), within_s=20)
    counter.stop()
    copies = [(name, shutil.copy2(counter.outbox.parent / name, counter.folder / name)) for name in database(counter)]
    counter.start()
    for _ in range(2):
        counter.press("34")
    eventually(lambda: same_events(counter, province), within_s=20)
    epoch = counter.epoch
    counter.stop()
    for name in database(counter):
        (counter.outbox.parent / name).unlink()
    for name, copy in copies:
        shutil.copy2(copy, counter.outbox.parent / name)
    counter.start()
    eventually(lambda: replaced(province), within_s=30)
    eventually(lambda: counter.epoch != epoch, within_s=10)
    counter.press("31")
    eventually(lambda: any(event["epoch"] == counter.epoch for event in province.events()), within_s=20)
    kept = [event["data"]["level"] for event in province.events() if event["epoch"] == epoch]
    assert kept[:3] == [3, 0, 0], "what was stored stays as it was"


def test_a_changed_row_convinces_nobody(counter: Counter, province: Province, mosquitto: Broker) -> None:
    with Ear(mosquitto.port).open(f"{ROOT}/up/#") as ear:
        counter.start()
        for code in ("31", "34", "31"):
            counter.press(code)
        eventually(lambda: same_events(counter, province), within_s=20)
        held = heads_held(province)
        counter.stop()
        bettered(counter)
        (broken,) = [each for each in verify_file(counter.outbox, held) if each.broken is not None]
        assert broken.broken is not None
        assert (broken.place.lane, broken.broken.seq) == ("record", 3)
        counter.start()
        said = {"lane": "record", "epoch": counter.epoch, "from": 1, "to": 3}
        order(ear, "replay", 1, **said)
        eventually(lambda: contradictions(province) == [(2, 3)], within_s=15)
    assert [event["data"]["level"] for event in province.events()] == [3, 0, 3]


def bettered(counter: Counter) -> None:
    """Make the second rating a good one, with a checksum that fits."""
    with closing(sqlite3.connect(counter.outbox)) as db:
        event = json.loads(dict(events(db, Lane.RECORD))[2])
        event["data"]["level"] = 3
        forged = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        db.execute("update record set body = ?, form = null, crc = ? where seq = 2", (forged, zlib.crc32(forged)))
        db.commit()


def contradictions(province: Province) -> list[tuple[int, int]]:
    """Number and level of what came a second time with other bytes."""
    with closing(sqlite3.connect(f"file:{province.path}?mode=ro", uri=True, timeout=5)) as db:
        rows = db.execute("select seq, body from conflict order by seq").fetchall()
    return [(seq, json.loads(body)["data"]["level"]) for seq, body in rows]


def test_swapped_keys_in_the_configuration_show_and_every_level_can_be_computed_again(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    right = Keys(dict(zip(CODES, (3, 2, 1, 0), strict=True)))
    with Ear(mosquitto.port).open(f"{ROOT}/up/#") as ear:
        counter.start()
        counter.press("34")
        before = eventually(lambda: ear.last("up/info"), within_s=15)
        assert before["keymaps"] == {"keypad": right.hash}
        counter.settings["keypads"][0]["keys"] = dict(zip(CODES, (0, 1, 2, 3), strict=True))
        counter.write_config()
        eventually(lambda: ear.last("up/info")["keymaps"] != before["keymaps"], within_s=15)
        assert ear.last("up/info")["config"] != before["config"]
        eventually(lambda: ear.last("up/config")["running"] == ear.last("up/info")["config"], within_s=10)
        counter.press("34")
    eventually(lambda: len(province.events()) == 2, within_s=20)
    honest, swapped = (event["data"] for event in province.events())
    assert (honest["level"], honest["keymap"]) == (0, right.hash)
    assert (swapped["level"], swapped["keymap"] == right.hash) == (3, False)
    assert [right.levels[data["raw"]] for data in (honest, swapped)] == [0, 0]


def test_a_configuration_that_lets_everything_count_is_another_configuration(
    counter: Counter, mosquitto: Broker
) -> None:
    with Ear(mosquitto.port).open(f"{ROOT}/up/#") as ear:
        counter.start()
        before = eventually(lambda: ear.last("up/info"), within_s=15)["config"]
        counter.settings["rating"] |= {"lockout_s": 0, "max_per_hour": 1000}
        counter.write_config()
        eventually(lambda: ear.last("up/info")["config"] != before, within_s=15)
        eventually(lambda: ear.last("up/config")["running"] == ear.last("up/info")["config"], within_s=10)


def test_thirty_quick_presses_arrive_as_thirty_and_count_as_few(counter: Counter, province: Province) -> None:
    counter.start()
    for number in range(30):
        counter.keypad.press("31")
        eventually(partial(holds_more_than, counter, number), within_s=10)
    eventually(lambda: len(province.events()) == 30, within_s=20)
    told = [event["data"] for event in province.events()]
    flags = Tally(flag for data in told for flag in data["flags"])
    assert sum(data["valid"] for data in told) + flags["lockout"] == 30
    assert sum(data["valid"] for data in told) <= 3
    assert sum("burst" in data for data in told) >= 20
