"""A training is ordered by the province, seen by everybody, survives a crash, counts for nothing, and ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

from agent.event import Lane
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import AGENT, Counter, Ear, Province

ROOT = f"motcua/v1/40/{AGENT}"


def order(ear: Ear, name: str, number: int, **arguments: object) -> dict[str, Any]:
    """Give an order; its result."""
    expires = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    ear.say(f"{ROOT}/down/command/{name}/{name}-{number}", {"expires": expires, **arguments})

    def answer() -> dict[str, Any] | None:
        last: dict[str, Any] | None = ear.last(f"/up/result/{name}/{name}-{number}")
        return last if last is not None and last["status"] != "running" else None

    result = eventually(answer, within_s=10)
    assert result is not None
    return result


def flags(province: Province, count: int) -> list[list[str]]:
    """The flags of the first *count* ratings, once the province has them."""
    eventually(lambda: len(province.events()) >= count, within_s=15)
    return [event["data"]["flags"] for event in province.events()]


def changes(province: Province) -> list[tuple[str, str]]:
    alerts = [event["data"] for event in province.events(Lane.ALERT)]
    return [(data["code"], data["by"]) for data in alerts if data.get("mode")]


def test_a_training_goes_through_a_crash_is_seen_by_everybody_and_ends(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    counter.settings["rating"] |= {"lockout_s": 0, "correction_s": 0}
    with Ear(mosquitto.port).open(f"{ROOT}/up/#") as ear:
        counter.start()
        eventually(lambda: ear.last("/up/state"), within_s=10)
        counter.press()
        assert order(ear, "training", 1, by="Phòng PV01", minutes=60)["mode"] == "training"
        counter.press()
        counter.kill()
        counter.start()
        counter.press()
        eventually(lambda: (ear.last("/up/health/agent") or {}).get("code") == "AGENT_TRAINING", within_s=10)
        assert "Phòng PV01" in ear.last("/up/health/agent")["message"]
        eventually(lambda: (ear.last("/up/info") or {}).get("mode") == "training", within_s=10)
        assert order(ear, "training", 2, by="Phòng PV01", minutes=0)["mode"] == "none"
        eventually(lambda: ear.last("/up/health/agent")["code"] == "OK", within_s=10)
        eventually(lambda: "mode" not in ear.last("/up/info"), within_s=10)
        counter.press()
        assert flags(province, 4) == [[], ["training"], ["training"], []]
        eventually(lambda: ("MODE_ENDED", "Phòng PV01") in changes(province), within_s=10)
        assert changes(province)[0] == ("MODE_BEGAN", "Phòng PV01")
        assert not counter.outbox.with_name("mode.json").exists()
