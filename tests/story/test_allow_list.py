"""What may leave a counter is a list; a field or a line of the log that is not on it fails.

The whole daemon with its ballot box: every key, a phone, orders, a restart, a day that passes.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.event import Lane
from agent.rating.phone.sealed import seal_vote
from agent.rating.phone.secret import QrKeys
from agent.rating.phone.token import Token
from agent.rating.record import Reason
from agent.rating.urn import Vote
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import CODES, Ear
from tests.story.test_clock import MovedCounter

ROOT = "motcua/v1/40/na-0123"
EVENT = frozenset(
    {
        *("specversion", "id", "source", "type", "time", "datacontenttype", "epoch", "lane", "seq", "previous", "boot"),
        *("booted", "clock", "data"),
    }
)
RATING = frozenset(
    {
        *("level", "raw", "keymap", "scale", "scale_hash", "counter", "commune", "channel", "valid", "flags", "nonce"),
        *("bucket_min", "first", "upgrade", "burst", "reasons", "comment"),
    }
)
LANE = frozenset({"epoch", "first", "last", "head", "acked", "pending", "lost"})
SAID = {
    "up/state": {"state", "session", "since", "boot", "version", "reason"},
    "up/watermark": {"at", "lanes", "held", "cast"},
    "up/config": {"hash", "status", "errors", "running"},
    "up/health/": {"status", "code", "since", "message", "hint", "every_s"},
    "up/result/": {"status", "reason", "took_ms", "components", "version", "uptime_s", "boot", "at", "clock"},
    "up/info": {
        *("versions", "hardware", "commune", "name", "counter", "boot", "devices", "cameras", "capabilities", "config"),
        *("scale", "keymaps", "mode", "qr", "hours", "zone", "language", "hotlines", "levels", "answers"),
    },
}
"""What each kind of message says; of events see `RATING`."""
BY_THE_DAY = {
    "up/event/summary": {
        *("date", "counter", "commune", "scale", "scale_hash", "raw", "valid", "flags", "channels", "levels"),
        *("other_scale", "satisfied", "upgrades", "downgrades", "bursts", "response", "silence", "availability"),
        *("outages", "low_ratings", "reasons", "hours", "late", "integrity"),
    },
    "up/event/clock": {"kind", "boot", "offset_s", "from", "to", "last", "floor"},
    "up/event/alert": {
        *("code", "cause", "component", "reason", "from", "to", "duration_s", "opening_s"),
        *("lowest", "of", "epoch", "upto"),
    },
}
"""The data of events that are written of a day or of the box, none of them at a press."""
LINES = re.compile(
    r"(INFO   |WARNING|ERROR  ) agent\.[a-z_.]+: ("
    + "|".join(
        (
            r"na-0123 \S+ is running",
            r"web: http://\S+",
            r"keypad is open",
            r"stopped",
            r"the clock .*",
            r"qr: no code is shown: QR_CLOCK\s*",
            r"qr: the code is shown again",
            r"the summary of \d{4}-\d\d-\d\d is made",
            r"the link to \S+ is back after \d+ s",
            r"no link to \S+: .*",
        )
    )
    + ")"
)
"""What the log may say in such a life."""
SECRET = b"x3Kq0vN1r5T7yB9dF2hJ4lM6pR8sU0wZ="
KEYS = QrKeys.from_secret(SECRET, agent="na-0123")
_TOKEN = Token(KEYS.device, 30_000_000, b"ab")
VOTE = Vote(0, _TOKEN, (Reason.DEADLINE,), "chờ lâu quá")
"""From the province's rating page."""
SECRETS = ("level", "raw", "first", "upgrade", "nonce", "reasons", "comment")


@pytest.fixture
def counter(tmp_path: Path, mosquitto: Broker) -> Iterator[MovedCounter]:
    box = MovedCounter(tmp_path / "counter", mosquitto.url)
    secret = tmp_path / "qr.key"
    secret.touch(0o600)
    secret.write_bytes(SECRET)
    box.settings["qr"] = {"mode": "portal", "url": "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/", "secret_file": str(secret)}
    box.settings["rating"] = {"privacy": {"bucket_min": 15, "release_min": 3}, "lockout_s": 0, "correction_s": 0}
    yield box
    box.close()


def test_nothing_outside_the_list_leaves_and_nothing_of_a_vote_before_its_time(
    counter: MovedCounter, mosquitto: Broker
) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: ear.last("up/state"), within_s=15)
        for number, code in enumerate(CODES * 2, start=1):
            counter.keypad.press(code)
            eventually(lambda: _cast(counter) >= number, within_s=10)  # noqa: B023 - asked within the round
        ear.hand_down(f"{ROOT}/down/rating/{_TOKEN.id}", seal_vote(KEYS, VOTE))
        eventually(lambda: _cast(counter) == 9, within_s=10)
        expires = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
        for name in ("ping", "health"):
            ear.say(f"{ROOT}/down/command/{name}/{name}-1", {"expires": expires})
            eventually(lambda: (ear.last(f"up/result/{name}/{name}-1") or {}).get("status") == "done", within_s=15)  # noqa: B023
        counter.stop()
        counter.start()
        eventually(lambda: ear.last("up/watermark")["held"] == 9, within_s=15)
        before = list(ear.messages)
        counter.let_pass(86400)
        eventually(lambda: len(ear.heard("up/event/rating")) == 9, within_s=40)
        eventually(lambda: ear.last("up/watermark")["held"] == 0, within_s=15)
    assert not any("up/event/rating" in topic or "up/batch" in topic for topic, *_ in before)
    assert not any(VOTE.comment.encode() in payload for _, payload, _ in before)
    for topic, payload, _ in before:
        if "/down/rating/" in topic:
            continue  # sealed: not even JSON
        said = _keys(json.loads(payload)) if payload else set()
        assert not said & set(SECRETS) - {"first"}, f"{topic} tells of a vote while it lies in the box"
    for topic, payload, _ in ear.messages:
        if payload and "/down/" not in topic:
            _judge(topic.removeprefix(f"{ROOT}/"), json.loads(payload))
    ratings = ear.heard("up/event/rating")
    assert len({(rating["time"], rating["boot"], rating.get("booted")) for rating in ratings}) <= 3
    assert all(datetime.fromisoformat(rating["time"]).minute % 15 == 0 for rating in ratings)
    assert [rating["data"]["comment"] for rating in ratings if rating["data"]["channel"] == "qr"] == [VOTE.comment]
    strange = [line for line in counter.said.splitlines() if not LINES.fullmatch(line)]
    assert not strange, "nobody listed these lines of the log:\n" + "\n".join(strange)


def _cast(counter: MovedCounter) -> int:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"file:{counter.outbox}?mode=ro", uri=True, timeout=5)) as db:
        return int(db.execute("select taken from store").fetchone()[0])


def _keys(said: Any) -> set[str]:
    if isinstance(said, dict):
        return set(said) | {key for value in said.values() for key in _keys(value)}
    return {key for item in said for key in _keys(item)} if isinstance(said, list) else set()


def _judge(topic: str, said: dict[str, Any]) -> None:
    """Fail when *said* has a field that is not on the list."""
    if topic == "up/event/rating":
        assert set(said) <= EVENT, set(said) - EVENT
        assert set(said["data"]) <= RATING, set(said["data"]) - RATING
        return
    if topic in BY_THE_DAY:
        assert set(said) <= EVENT
        assert set(said["data"]) <= BY_THE_DAY[topic], f"{topic}: {set(said['data']) - BY_THE_DAY[topic]}"
        return
    kind = next((kind for kind in SAID if topic.startswith(kind)), None)
    assert kind is not None, f"nobody listed {topic}"
    assert set(said) <= SAID[kind], f"{topic}: {set(said) - SAID[kind]}"
    if kind == "up/watermark":
        assert set(said["lanes"]) == set(Lane)
        assert all(set(mark) <= LANE for mark in said["lanes"].values())
