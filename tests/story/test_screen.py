"""The screen of a whole counter: from a file in its folder to what the province hears of it."""

import http.client
import json
import re
from pathlib import Path
from typing import Any

from agent.event import Lane
from tests.broker import Broker
from tests.contract import Contract
from tests.eventually import eventually
from tests.screen.pictures import plain
from tests.story.counter import Counter


def test_an_orderly_stop_tells_what_the_screen_has_shown(tmp_path: Path, mosquitto: Broker) -> None:
    counter = Counter(tmp_path / "counter", mosquitto.url)
    (counter.folder / "media" / "poster.png").write_bytes(plain((200, 70, 70)))
    try:
        counter.start()
        port = int(eventually(lambda: re.search(r"web: http://127\.0\.0\.1:(\d+)/", counter.said))[1])
        (item,) = eventually(lambda: state(port)["playlist"])
        turns = [{"item": item["id"]}, {"item": item["id"], "skipped": "frozen"}]
        assert posted(port, "/screen/turns", {"page": "story", "first": 0, "turns": turns}) == 204
        assert counter.stored(Lane.METRIC) == []
        counter.stop()
        ((_, told),) = counter.stored(Lane.METRIC)
    finally:
        counter.close()
    assert Contract().judge("motcua/v1/40/na-0123/up/event/played", told) == "played"
    (entry,) = json.loads(told)["data"]["items"]
    assert entry == {"item": item["id"], "name": "poster.png", "times": 1, "skips": {"frozen": 1}}


def state(port: int) -> dict[str, Any]:
    """What the page is told when it is opened."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/screen")
    page = connection.getresponse().read().decode()
    connection.close()
    told: dict[str, Any] = json.loads(re.findall(r'id="state">(.*?)</script>', page)[0])
    return told


def posted(port: int, path: str, body: dict[str, Any]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}"}
    connection.request("POST", path, body=json.dumps(body), headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status
