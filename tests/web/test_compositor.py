"""The glass itself: a real Wayland compositor's pixels, not what the browser says that it draws.

`COUNTER_AGENT_KIOSK=1` is what `make soak` sets; it needs sway and grim, and no display.
"""

import io
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from agent.screen.kiosk.browser import Browser, flags_for
from agent.screen.kiosk.proof import compositor_picture, examine
from tests.browser import chromium_program
from tests.eventually import eventually
from tests.web.serving import ADDRESS, Serving

pytestmark = pytest.mark.skipif(
    "COUNTER_AGENT_KIOSK" not in os.environ or not all(map(shutil.which, ("sway", "grim"))),
    reason="looked at in `make soak`, where sway and grim are installed",
)
SIZE = (1280, 720)
WATCHED_S = 8.0
"""What a browser offers to its user, such as a translation, comes seconds after the page."""
GB = 1024**3


@pytest.fixture
def compositor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A session for this process, with one output that no panel hangs on."""
    with tempfile.TemporaryDirectory(prefix="session-") as folder:
        rules = Path(folder) / "sway"
        rules.write_text(f"output HEADLESS-1 mode {SIZE[0]}x{SIZE[1]}\ndefault_border none\n")
        session = {"XDG_RUNTIME_DIR": folder, "WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman"}
        for name, value in {**session, "WLR_LIBINPUT_NO_DEVICES": "1"}.items():
            monkeypatch.setenv(name, value)
        command = ["sway", "--config", str(rules)]
        if os.getuid() == 0:  # as root it refuses to start
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            command = ["setpriv", "--reuid", "nobody", "--regid", str(nobody.pw_gid), "--clear-groups", *command]
        sway = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            display = eventually(lambda: next(Path(folder).glob("wayland-?"), None))
            monkeypatch.setenv("WAYLAND_DISPLAY", display.name)
            yield
        finally:
            sway.terminate()
            sway.wait(10)


def same(browser: Browser) -> bool:
    """Whether the compositor shows what the page draws, and nothing but that."""
    shown = compositor_picture()
    assert shown is not None
    glass, page = (Image.open(io.BytesIO(png)).convert("RGB") for png in (shown, browser.picture()))
    assert glass.size == page.size == SIZE
    return ImageChops.difference(glass, page).getbbox() is None


@pytest.mark.usefixtures("compositor")
def test_the_glass_shows_the_page_and_nothing_of_the_browser(serving: Serving, tmp_path: Path) -> None:
    flags = (*flags_for(8 * GB, is_wayland=True), "--no-sandbox")
    browser = Browser(str(chromium_program()), f"{serving.url}/screen", tmp_path / "profile", flags)
    browser.start()
    try:
        eventually(lambda: serving.hub.page_age_s is not None, within_s=40)
        eventually(lambda: same(browser), within_s=20, every_s=0.5)
        until = time.monotonic() + WATCHED_S
        while time.monotonic() < until:
            assert same(browser)
            time.sleep(0.5)
        glass = compositor_picture()
        assert glass is not None
        assert examine(glass).codes == (ADDRESS,)
    finally:
        browser.stop()
