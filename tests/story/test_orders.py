"""Orders from the province, over a real broker to a real daemon."""

from datetime import UTC, datetime, timedelta

from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import Counter, Ear, Province

DOWN = "motcua/v1/40/na-0123/down/command"


def _in(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def test_ping_health_reload_and_replay_are_carried_out_and_answered(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        counter.press("31")
        eventually(lambda: ear.last("up/state"), within_s=15)
        for number, (name, arguments) in enumerate(
            {
                "ping": {},
                "health": {},
                "reload": {},
                "replay": {"lane": "record", "epoch": counter.epoch, "from": 1, "to": 1},
            }.items()
        ):
            ear.say(f"{DOWN}/{name}/c{number}", {"expires": _in(5), **arguments})
            end = f"up/result/{name}/c{number}"
            eventually(lambda: (ear.last(end) or {}).get("status") == "done", within_s=15)  # noqa: B023
            assert [result["status"] for result in ear.heard(end)] == ["running", "done"]
        components = ear.last("up/result/health/c1")["components"]
        assert components["keypad"]["status"] == "ok"
        eventually(lambda: len(ear.heard("up/event/rating")) >= 2, within_s=10)
        first, again = ear.heard("up/event/rating")[:2]
        assert first == again


def test_an_order_is_carried_out_once_however_often_it_comes_and_never_when_retained(
    counter: Counter, mosquitto: Broker
) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        ear.say(f"{DOWN}/ping/old", {"expires": _in(5)}, retain=True)
        counter.start()
        eventually(lambda: (ear.last("up/result/ping/old") or {}).get("status") == "rejected", within_s=15)
        ear.say(f"{DOWN}/ping/p1", {"expires": _in(5)})
        eventually(lambda: (ear.last("up/result/ping/p1") or {}).get("status") == "done", within_s=15)
        first = ear.last("up/result/ping/p1")
        ear.say(f"{DOWN}/ping/p1", {"expires": _in(5)})
        eventually(lambda: len(ear.heard("up/result/ping/p1")) == 3, within_s=15)
        assert ear.last("up/result/ping/p1") == first


def test_an_order_sent_while_the_counter_is_away_waits_for_it(counter: Counter, mosquitto: Broker) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: ear.last("up/state"), within_s=15)
        counter.kill()
        ear.say(f"{DOWN}/ping/later", {"expires": _in(5)})
        counter.start()
        eventually(lambda: (ear.last("up/result/ping/later") or {}).get("status") == "done", within_s=20)
