"""A phone on the counter's own Wi-Fi: scanned off the screen, voted, arrived at the province, once."""

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import Counter, Province
from tests.story.test_qr import scanned
from tests.web.phones import Phone


@pytest.fixture
def network() -> str:
    """A free address, as the counter's Wi-Fi would have one."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def counter(tmp_path: Path, mosquitto: Broker, network: str) -> Iterator[Counter]:
    box = Counter(tmp_path / "counter", mosquitto.url)
    secret = tmp_path / "qr.key"
    secret.touch(0o600)
    secret.write_bytes(b"x3Kq0vN1r5T7yB9dF2hJ4lM6pR8sU0wZ=")
    box.settings["qr"] = {"mode": "local", "url": f"HTTP://{network}/R/", "secret_file": str(secret)}
    box.settings["web"]["counter_network"] = network
    yield box
    box.close()


def code_on_the_screen(counter: Counter) -> str | None:
    with urlopen(f"{counter.web}/screen", timeout=5) as page:  # noqa: S310 - loopback
        found = re.search(rb'<script type="application/json" id="state">(.*?)</script>', page.read(), re.DOTALL)
    assert found is not None
    state: dict[str, Any] = json.loads(found[1])
    return scanned(state["qr"]["svg"]).rpartition("/")[2] if state["qr"] else None


def test_a_phone_on_the_counters_wifi_votes_once_and_leaves_no_trace_of_itself(
    counter: Counter, province: Province, network: str
) -> None:
    counter.start()
    phone = Phone(int(network.rpartition(":")[2]))
    code = eventually(lambda: code_on_the_screen(counter), within_s=15) or ""
    page = eventually(lambda: reached(phone, code), within_s=15)
    assert "Công an xã Kim Liên" in page.body
    fields = {"ticket": page.ticket, "language": "vi", "level": "0", "reason": "deadline"}

    def send(comment: str) -> int:
        return phone.send({**fields, "comment": comment}).status

    with ThreadPoolExecutor(4) as crowd:
        statuses = sorted(crowd.map(send, ["Chờ lâu, gọi 0912 345 678"] * 4))
    assert statuses == [200, 409, 409, 409]

    [event] = eventually(lambda: [e for e in province.events() if e["data"]["channel"] == "qr"], within_s=20)
    data = event["data"]
    assert (data["level"], data["reasons"], data["comment"]) == (0, ["deadline"], "Chờ lâu, gọi …")
    assert data["valid"] is True
    assert {"raw", "keymap"}.isdisjoint(data)

    counter.stop()
    counter.start()
    again = eventually(lambda: _answered(phone, {**fields, "level": "3"}), within_s=15)
    assert again == 409, "a token is spent for ever"
    assert len(province.seqs()) == 1

    assert all(
        secret not in counter.said for secret in ("0912", "Chờ lâu", "deadline", page.ticket, code, "GET /", "POST")
    )
    for path in ("/screen", "/status", "/events", "/status/events", "/static/feed.js", "/"):
        assert phone.ask("GET", path).status == 404


def test_the_phone_page_comes_and_goes_with_its_setting_alone(counter: Counter, network: str) -> None:
    counter.start()
    phone = Phone(int(network.rpartition(":")[2]))
    eventually(lambda: reached(phone, "thanks"), within_s=15)
    pages = counter.web
    counter.settings["qr"] = {"mode": "static", "url": "HTTPS://DANHGIA.NGHEAN.EXAMPLE/"}
    del counter.settings["web"]["counter_network"]
    counter.write_config()
    eventually(lambda: not _is_open(network), within_s=15)
    assert counter.web == pages, "the screen's pages were not disturbed"


def reached(phone: Phone, code: str) -> Any:
    try:
        page = phone.scan(code)
    except OSError:
        return None
    return page if page.status == 200 else None


def _answered(phone: Phone, fields: dict[str, str]) -> int | None:
    try:
        return phone.send(fields).status
    except OSError:
        return None


def _is_open(network: str) -> bool:
    host, _, port = network.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
