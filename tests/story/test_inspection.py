"""An inspector comes: by order and by a code at the keypad; the province reads what was found, and nothing counts."""

from agent.event import Lane, chain_hash
from agent.outbox.heads import read_heads
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import Counter, Ear, Province
from tests.story.test_modes import ROOT, order

BEST_TO_WORST = ("31", "32", "33", "34")
CHORD = ("34", "31", "34", "31")


def ratings(province: Province) -> list[list[str]]:
    return [event["data"]["flags"] for event in province.events() if event["type"] == "vn.motcua.rating.v1"]


def inspections(province: Province) -> list[dict[str, object]]:
    return [event["data"] for event in province.events() if event["type"] == "vn.motcua.inspection.v1"]


def press_as_asked(counter: Counter, *codes: str) -> None:
    for code in codes:
        counter.press(code)


def test_an_inspection_by_order_names_the_swapped_keys_and_its_photograph_proves_the_chain(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    counter.settings["rating"] |= {"lockout_s": 0, "correction_s": 0}
    with Ear(mosquitto.port).open(f"{ROOT}/up/#") as ear:
        counter.start()
        eventually(lambda: ear.last("/up/state"), within_s=10)
        counter.press()
        assert order(ear, "inspect", 1, by="Đoàn 3")["mode"] == "inspection"
        eventually(lambda: (ear.last("/up/info") or {}).get("mode") == "inspection", within_s=10)
        # The caps of the two worst keys were swapped: whoever reads "Bình thường" presses what sends 34.
        press_as_asked(counter, "31", "32", "34", "34", "34", "33", "33", "33")
        heads_at = len(counter.stored())
        eventually(lambda: "inspection is over" in counter.said or _pressed(counter), within_s=20, every_s=1.2)
        eventually(lambda: inspections(province), within_s=15)
        (found,) = inspections(province)
        assert (found["by"], found["opened"], found["ended"]) == ("Đoàn 3", "command", "finished")
        assert found["failed"] == ["key/keypad/1", "key/keypad/0"]
        record = next(head for head in read_heads(str(found["heads"])) if head.lane == Lane.RECORD)
        assert record.seq >= heads_at - 1, "all but the press that was being stored"
        assert record.hash == chain_hash(dict(counter.stored())[record.seq])
        eventually(lambda: "mode" not in ear.last("/up/info"), within_s=10)
        counter.press()
        eventually(lambda: ratings(province)[-1] == [], within_s=10)
        assert all(flags == ["inspection"] for flags in ratings(province)[1:-1])


def _pressed(counter: Counter) -> bool:
    """Press a key to end the findings; whether the inspection was over then."""
    counter.keypad.press("31")
    return "inspection is over" in counter.said


def test_a_code_typed_at_the_keypad_opens_an_inspection_once(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    with Ear(mosquitto.port).open(f"{ROOT}/up/#") as ear:
        counter.start()
        eventually(lambda: ear.last("/up/state"), within_s=10)
        assert order(ear, "inspection-code", 1, by="PX03", code="123412", minutes=60)["armed"] is True
        press_as_asked(counter, *CHORD, "34", "34", "34", "34", "34", "34")
        eventually(lambda: _alerts(province) == ["INSPECTION_CODE_WRONG"], within_s=10)
        press_as_asked(counter, *CHORD, "34", "33", "32", "31", "34", "33")
        eventually(lambda: (ear.last("/up/info") or {}).get("mode") == "inspection", within_s=10)
        assert not any("inspection" in flags for flags in ratings(province)), "until the code was right all counted"
        assert "123412" not in counter.said
        assert all(b"123412" not in payload for _, payload, _ in ear.messages)


def _alerts(province: Province) -> list[str]:
    return [event["data"]["code"] for event in province.events(Lane.ALERT) if "tries_left" in event["data"]]
