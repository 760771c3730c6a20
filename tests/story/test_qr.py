"""The rating QR of a whole counter, scanned off what it serves and read as the province's portal reads it."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from agent.rating.phone.secret import QrKeys
from agent.rating.phone.token import Refusal, Token, TokenRefused, read
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import AGENT, Ear
from tests.story.test_clock import MovedCounter

URL = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/"
SECRET = b"x3Kq0vN1r5T7yB9dF2hJ4lM6pR8sU0wZ="
KEYS = QrKeys.from_secret(SECRET, agent=AGENT)


@pytest.fixture
def counter(tmp_path: Path, mosquitto: Broker) -> Iterator[MovedCounter]:
    box = MovedCounter(tmp_path / "counter", mosquitto.url)
    secret = tmp_path / "qr.key"
    secret.touch(0o600)
    secret.write_bytes(SECRET)
    box.settings["qr"] = {"mode": "portal", "url": URL, "secret_file": str(secret)}
    yield box
    box.close()


def scanned(svg: str) -> str:
    """What a phone reads off the drawing."""
    found = re.search(r'viewBox="0 0 (\d+)', svg)
    assert found is not None
    image = Image.new("L", (int(found[1]), int(found[1])), 255)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h", svg):
        ImageDraw.Draw(image).rectangle((int(x), int(y), int(x) + int(width) - 1, int(y)), fill=0)
    (code,) = zxingcpp.read_barcodes(image.resize((image.width * 4, image.height * 4), Image.Resampling.NEAREST))
    return code.text


def shown(counter: MovedCounter) -> str | None:
    """The address on the screen now; None: no code."""
    with urlopen(f"{counter.web}/screen", timeout=5) as page:  # noqa: S310 - loopback
        found = re.search(rb'<script type="application/json" id="state">(.*?)</script>', page.read(), re.DOTALL)
    assert found is not None
    state: dict[str, Any] = json.loads(found[1])
    return None if state["qr"] is None else scanned(state["qr"]["svg"])


def portal_reads(address: str, *, later_s: float = 0) -> Token:
    return read(address.removeprefix(URL), {KEYS.device: KEYS}.get, now=time.time() + later_s)


def test_a_token_is_on_the_screen_for_a_minute_and_a_photograph_of_it_is_worth_nothing(
    counter: MovedCounter, mosquitto: Broker, tmp_path: Path
) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        photograph = eventually(lambda: shown(counter), within_s=10) or ""
        token = portal_reads(photograph)
        assert token.device == KEYS.device
        eventually(lambda: (ear.last("up/health/qr") or {}).get("code") == "OK", within_s=20)

        counter.let_pass(90)
        eventually(lambda: shown(counter) not in {None, photograph}, within_s=10)
        assert portal_reads(shown(counter) or "", later_s=90) != token
        with pytest.raises(TokenRefused) as refused:
            portal_reads(photograph, later_s=90)
        assert refused.value.reason is Refusal.EXPIRED

        counter.set_clock(shift_s=-7200, synchronised=False)
        eventually(lambda: shown(counter) is None, within_s=10)
        eventually(lambda: ear.last("up/health/qr")["code"] == "QR_CLOCK", within_s=10)
        assert "QR_CLOCK" in counter.said
        assert SECRET.decode() not in counter.said


def test_a_secret_that_others_can_read_takes_the_code_down_until_it_is_mended(
    counter: MovedCounter, mosquitto: Broker, tmp_path: Path
) -> None:
    (tmp_path / "qr.key").chmod(0o644)
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: (ear.last("up/health/qr") or {}).get("code") == "QR_SECRET_OPEN", within_s=20)
        assert ear.last("up/health/qr")["status"] == "failed"
        assert shown(counter) is None
        (tmp_path / "qr.key").chmod(0o600)
        portal_reads(eventually(lambda: shown(counter), within_s=10) or "")
        eventually(lambda: ear.last("up/health/qr")["code"] == "OK", within_s=10)
