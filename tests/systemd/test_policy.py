"""The browser's policy, where Chromium looks for it: what the screen's browser may open, and what it may not.

`COUNTER_AGENT_KIOSK=1` is what `make soak` sets; it needs root, to lay the policy into a mount namespace of its own.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.errors import TryAgain
from agent.screen.kiosk.browser import FLAGS, Browser
from tests.browser import chromium_program
from tests.eventually import eventually
from tests.web.serving import Serving

pytestmark = pytest.mark.skipif(
    "COUNTER_AGENT_KIOSK" not in os.environ or os.getuid() != 0 or not shutil.which("unshare"),
    reason="looked at in `make soak`, as root, with unshare",
)
POLICY = Path("systemd/counter-agent-kiosk.policy.json").resolve()
HEADLESS = ("--headless=new", "--no-sandbox", "--disable-gpu")
WITHIN = """#!/bin/sh
exec unshare --mount sh -c '
    mount --make-rprivate / && mount -t tmpfs tmpfs /etc/chromium &&
    install -D -m 644 {policy} /etc/chromium/policies/managed/counter-agent.json && exec {program} "$@"' sh "$@"
"""
"""A browser that finds the policy; nobody else does."""


class Asking(Browser):
    """Goes where it is told."""

    def goes(self, address: str) -> str:
        """What comes of opening *address*: an error, or the address that is open then."""
        said: dict[str, Any] = self._ask("Page.navigate", {"url": address}, within_s=10)
        self._session = None
        here = eventually(self._here)
        return str(said.get("errorText", here))

    def _here(self) -> str | None:
        try:
            said = self._ask("Runtime.evaluate", {"expression": "location.href"}, within_s=3)
        except TryAgain:
            self._session = None
            return None
        return str(said["result"]["value"])


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path) as serving:
        yield serving


@pytest.fixture
def asking(serving: Serving, tmp_path: Path) -> Iterator[Asking]:
    program = tmp_path / "chromium"
    program.write_text(WITHIN.format(policy=POLICY, program=chromium_program()))
    program.chmod(0o755)
    browser = Asking(str(program), f"{serving.url}/screen", tmp_path / "profile", (*FLAGS, *HEADLESS))
    browser.start()
    try:
        eventually(browser.answers, within_s=40)
        yield browser
    finally:
        browser.stop()


def test_the_browser_goes_nowhere_but_to_this_box(asking: Asking, serving: Serving) -> None:
    refused = "net::ERR_BLOCKED_BY_ADMINISTRATOR"
    assert asking.goes(f"{serving.url}/qr") == f"{serving.url}/qr"
    for elsewhere in (
        "http://example.com/",
        "https://example.com/",
        f"http://127.0.0.1.example.com:{serving.port}/",
        "file:///etc/passwd",
        "data:text/html,hello",
        "devtools://devtools/bundled/inspector.html",
        f"view-source:{serving.url}/screen",
        "chrome://settings",
        "chrome://flags",
        "chrome://version",
    ):
        assert (elsewhere, asking.goes(elsewhere)) == (elsewhere, refused)
    asking.navigate()
    eventually(asking.answers)
    assert asking.picture()
