"""An emergency is ordered by the province, takes the screen, outlives a crash of the agent, and is taken back."""

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from click.testing import CliRunner

from agent.__main__ import cli
from agent.event import Lane
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import AGENT, Counter, Ear

ROOT = f"motcua/v1/40/{AGENT}"


def order(ear: Ear, number: int, **arguments: object) -> dict[str, Any]:
    """Give the order; its result."""
    expires = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    ear.say(f"{ROOT}/down/command/emergency/e{number}", {"expires": expires, "by": "UBND tỉnh", **arguments})

    def answer() -> dict[str, Any] | None:
        last: dict[str, Any] | None = ear.last(f"/up/result/emergency/e{number}")
        return last if last is not None and last["status"] != "running" else None

    result = eventually(answer, within_s=10)
    assert result is not None
    return result


def on_the_screen(counter: Counter) -> Any:
    """The emergency in the state that a page is given."""
    try:
        with urllib.request.urlopen(f"{counter.web}/events", timeout=10) as stream:  # noqa: S310 - loopback
            state = next(line for line in stream if line.startswith(b"data:") and b"playlist" in line)
    except OSError:
        return None
    return json.loads(state.removeprefix(b"data:"))["emergency"]


def test_an_emergency_takes_the_screen_through_a_crash_until_it_is_taken_back(
    counter: Counter, mosquitto: Broker
) -> None:
    with Ear(mosquitto.port).open(f"{ROOT}/up/#") as ear:
        counter.start()
        eventually(lambda: ear.last("/up/state"), within_s=10)
        assert "emergency" in ear.last("/up/info")["capabilities"]
        assert order(ear, 1, title="Gọi ☎ 114", minutes=60)["status"] == "failed"
        words = ("Bão số 5", "Cần cứu hộ gọi 114")
        assert "shows it until" in by_hand(mosquitto, "--minutes", "60", *words)
        eventually(lambda: on_the_screen(counter), within_s=10)
        counter.kill()
        counter.start()
        eventually(lambda: on_the_screen(counter), within_s=10)
        shown = on_the_screen(counter)
        assert (shown["title"], shown["lines"]) == ("Bão số 5", ["Cần cứu hộ gọi 114"])
        assert 3_400_000 < shown["left_ms"] < 3_600_000
        eventually(lambda: ear.last("/up/health/screen")["code"] == "SCREEN_EMERGENCY", within_s=10)
        assert "UBND tỉnh" in ear.last("/up/health/screen")["message"]
        assert "gave the screen back" in by_hand(mosquitto, "--withdraw")
        eventually(lambda: on_the_screen(counter) is None, within_s=10)
        assert not counter.outbox.with_name("emergency.json").exists()
        told = [json.loads(body)["data"] for _, body in counter.stored(Lane.ALERT)]
        changes = [(each["code"], each["by"]) for each in told if "EMERGENCY" in each.get("code", "")]
        codes = ("EMERGENCY_REFUSED", "EMERGENCY_BEGAN", "EMERGENCY_WITHDRAWN")
        assert changes == [(code, "UBND tỉnh") for code in codes]


def by_hand(broker: Broker, *arguments: str) -> str:
    """The province's own command, to every counter; what it says."""
    door = ("--province", "40", "--broker", broker.url, "--to", "_all", "--by", "UBND tỉnh")
    result = CliRunner().invoke(cli, ["province", "emergency", *door, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
