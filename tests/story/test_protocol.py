"""A counter's life as somebody hears it who has nothing but the published document."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.broker import Broker
from tests.contract import Contract
from tests.eventually import eventually
from tests.story.counter import CAMERA_WORKS, CODES, Ear, Province
from tests.story.test_clock import MovedCounter
from tests.test_verify import alter

ROOT = "motcua/v1/40"


def test_everything_that_is_said_in_a_life_is_in_the_published_protocol(tmp_path: Path, mosquitto: Broker) -> None:
    contract = Contract()
    counter = MovedCounter(tmp_path / "counter", mosquitto.url)
    counter.settings["cameras"] = [{"name": "quay", "driver": "sim"}]
    province = Province(mosquitto, tmp_path / "province.db")
    with Ear(mosquitto.port).open("motcua/#") as ear:
        try:
            live(counter, province, ear)
        finally:
            province.stop()
            counter.close()
        eventually(lambda: ear.last("up/state")["state"] == "lost", within_s=15)
    heard = {contract.judge(topic, payload) for topic, payload, _ in ear.messages if payload}
    # A full disk, a portal, an inspector, a screen, a visitor, the province's sets: stories of their own.
    contents = {"content", "contentForAll", "contentReport"}
    elsewhere = {"gap", "handedRating", "inspection", "played", "visit", *contents}
    assert set(contract.addresses) - heard == elsewhere
    with Ear(mosquitto.port).open("motcua/#") as late:
        eventually(
            lambda: (
                {contract.channel_of(topic) for topic, _, kept in late.messages if kept} == contract.retained - contents
            ),
            within_s=10,
        )


def live(counter: MovedCounter, province: Province, ear: Ear) -> None:
    """Ratings, orders, a wrong file, a clock that is set, a file that rots, a backlog, a crash."""
    expires = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()

    def is_done(end: str) -> bool:
        return (ear.last(f"up/result/{end}") or {}).get("status") in ("done", "rejected")

    counter.set_clock(shift_s=20 - time.time(), synchronised=False)
    counter.start()
    for code in CODES * 6:
        counter.press(code)
    counter.set_clock(shift_s=0, synchronised=True)
    eventually(lambda: ear.heard("up/event/clock"), within_s=15)
    eventually(lambda: (ear.last("up/health/camera") or {}).get("code") in CAMERA_WORKS, within_s=30)
    for name in ("ping", "health", "snapshot", "nonsense"):
        ear.say(f"{ROOT}/na-0123/down/command/{name}/{name}-1", {"expires": expires, "by": "PC06"})
        eventually(lambda: is_done(f"{name}/{name}-1"), within_s=20)  # noqa: B023 - asked within the round
    served = {"expires": expires, "date": f"{datetime.now(UTC):%Y-%m-%d}", "count": 30}
    ear.say(f"{ROOT}/na-0123/down/command/transactions/served-1", served)
    eventually(lambda: is_done("transactions/served-1"), within_s=15)
    ear.say(f"{ROOT}/_all/down/command/ping/all-1", {"expires": expires, "spread_s": 0.1})
    eventually(lambda: is_done("ping/all-1"), within_s=15)
    counter.let_pass(86400)
    eventually(lambda: ear.heard("up/event/summary"), within_s=15)
    good = counter.settings
    counter.settings = {**good, "nonsense": True}
    counter.write_config()
    eventually(lambda: ear.last("up/config")["status"] == "rejected", within_s=15)
    counter.settings = good
    counter.stop()
    kept = len(counter.stored())
    alter(counter.outbox, "update record set crc = crc + 1 where seq = 2")
    province.start()
    counter.start()
    eventually(lambda: ear.heard("up/event/alert"), within_s=20)
    eventually(lambda: len(province.seqs()) == kept - 1, within_s=20)
    eventually(lambda: ear.last("up/watermark")["lanes"]["alert"]["pending"] == 0, within_s=20)
    counter.kill()
