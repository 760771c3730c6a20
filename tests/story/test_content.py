"""From the province's command to what plays at the counter: a real broker, a real web server, the daemon as it runs."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.__main__ import cli
from tests.broker import Broker
from tests.certificates import SERVER, Authority, Certificates
from tests.contract import Contract
from tests.eventually import eventually
from tests.screen.content.web import Web, serving
from tests.screen.pictures import noise, plain
from tests.story.counter import Counter, Ear, Province

DOWN = "motcua/v1/40/na-0123/down/command"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    folder = tmp_path / "certificates"
    folder.mkdir()
    Authority(folder, "ca").issue("server", SERVER)
    certificates = Certificates(folder)
    with serving(certificates.of("server"), certificates.key_of("server")) as made:
        yield made


def run(*arguments: object) -> None:
    result = CliRunner().invoke(cli, ["province", "content", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def publish(folder: Path, web: Web, mosquitto: Broker, version: int, files: dict[str, bytes]) -> None:
    """What the province's person does: files into a folder, a set of them, up to the web server, down to counters."""
    poster = folder / f"v{version}"
    poster.mkdir()
    for name, data in files.items():
        (poster / name).write_bytes(data)
    key, out = folder / "content.key", folder / f"out{version}"
    run("make", poster, "--base", web.base, "--key", key, "--out", out, "--version", version)
    web.files |= {f"/content/{file.name}": file.read_bytes() for file in out.iterdir()}
    run("publish", "--province", "40", "--broker", mosquitto.url, "--username", "province", out / "manifest.json")


def plays(counter: Counter) -> list[str]:
    try:
        with urllib.request.urlopen(f"{counter.web}/events", timeout=10) as stream:  # noqa: S310 - loopback
            line = next(line for line in stream if line.startswith(b"data:") and b"playlist" in line)
    except OSError:  # it has not told its new address yet
        return []
    state: dict[str, Any] = json.loads(line.removeprefix(b"data:"))
    return [item["id"] for item in state["playlist"]]


def test_what_the_province_publishes_plays_at_the_counter_and_goes_back_by_order(
    counter: Counter, province: Province, mosquitto: Broker, web: Web, tmp_path: Path
) -> None:
    assert province
    run("key", tmp_path / "content.key")
    counter.settings["screen"]["content"] = {
        "key_file": str(tmp_path / "content.key.pub"),
        "hosts": [web.host],
        "ca_file": str(tmp_path / "certificates" / "ca.pem"),
    }
    old, new = plain((0, 0, 128)), noise((400, 300))
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        publish(tmp_path, web, mosquitto, 1, {"cũ.png": old})
        eventually(lambda: (ear.last("up/content") or {}).get("active", {}).get("version") == 1, within_s=30)
        first = eventually(lambda: plays(counter))
        publish(tmp_path, web, mosquitto, 2, {"cũ.png": old, "mới.jpg": new})
        eventually(lambda: (ear.last("up/content") or {}).get("active", {}).get("version") == 2, within_s=30)
        eventually(lambda: len(plays(counter)) == 2)
        assert len(web.asked) == 2, "what was here already is not fetched again"
        counter.kill()
        counter.start()
        eventually(lambda: len(plays(counter)) == 2)
        expires = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        ear.say(f"{DOWN}/content-rollback/b1", {"expires": expires, "by": "Trung tâm Phục vụ hành chính công"})
        eventually(lambda: (ear.last("up/result/content-rollback/b1") or {}).get("version") == 1, within_s=15)
        eventually(lambda: plays(counter) == first)
        eventually(lambda: (ear.last("up/content") or {}).get("active", {}).get("version") == 1, within_s=15)
    contract = Contract()
    heard = {contract.judge(topic, payload) for topic, payload, _ in ear.messages if payload}
    assert heard >= {"contentForAll", "contentReport"}
