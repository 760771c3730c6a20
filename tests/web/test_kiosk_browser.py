"""The kiosk with a real Chromium, headless, before a real agent's pages: whatever dies, the page comes back."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.errors import TryAgain
from agent.screen.kiosk import proof, service
from agent.screen.kiosk.board import Board
from agent.screen.kiosk.browser import FLAGS, LEAN_FLAGS, Browser, flags_for
from agent.screen.kiosk.ladder import Ladder, Paces
from agent.screen.kiosk.proof import Eye
from agent.screen.kiosk.service import KioskService
from agent.screen.kiosk.wire import Wire
from tests.browser import chromium_program
from tests.conftest import require
from tests.eventually import eventually
from tests.web.serving import Serving

HEADLESS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--screen-info={1280x720}")
"""What a machine without a panel, and a test that runs as root, need beside the flags of the box."""
GB = 1024**3


class Obeying(Browser):
    """Has its page run a script, on the thread that asks it how it is."""

    script = ""

    def answers(self, *, within_s: float = 0.5) -> bool:
        script, self.script = self.script, ""
        if script:
            with suppress(TryAgain):
                self._ask("Runtime.evaluate", {"expression": script}, within_s=0.2)
        return super().answers(within_s=within_s)


class Kiosk:
    """The service in its thread, with short paces."""

    def __init__(self, serving: Serving, folder: Path, paces: Paces) -> None:
        program = chromium_program()
        require(program, "chromium")
        assert program is not None
        self.serving, self.ladder = serving, Ladder(paces)
        self.browsers: list[Obeying] = []
        self.eye = Eye(ask=Wire(serving.url).ask)

        def browser(address: str) -> Browser:
            self.browsers.append(Obeying(program, address, folder / "profile", (*FLAGS, *HEADLESS)))
            return self.browsers[-1]

        self.service = KioskService(Wire(serving.url), Board(), browser=browser, ladder=self.ladder, eye=self.eye)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.service.run, args=(self.stop,), name="kiosk")

    @property
    def pid(self) -> int:
        pid = self.browsers[0].pid if self.browsers else None
        assert pid is not None, "there is no browser"
        return pid

    def shows(self) -> bool:
        """Whether the page has said lately that it lives."""
        age_s = self.serving.hub.page_age_s
        return age_s is not None and age_s < 1

    def says(self, code: str) -> bool:
        """Whether the agent makes that of what the kiosk sees."""
        condition = self.serving.glass.condition()
        return condition is not None and condition.code == code

    def comes_back(self) -> None:
        """Wait until the page speaks again; the counter's clock stands, so whatever was heard before must be old."""
        eventually(self.shows, within_s=40)

    def forget(self) -> None:
        """Let what the page has said be old."""
        self.serving.clock.advance(30)


@pytest.fixture
def kiosk(serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kiosk]:
    monkeypatch.setattr(service, "TICK_S", 0.1)
    monkeypatch.setattr(service, "ASK_S", 0.3)
    monkeypatch.setattr(service, "FIRST_PAUSE_S", 0.1)
    kiosk = Kiosk(serving, tmp_path, Paces(navigate_s=8, restart_s=20, start_s=20))
    kiosk.thread.start()
    try:
        yield kiosk
    finally:
        kiosk.stop.set()
        kiosk.thread.join(10)
        assert not kiosk.thread.is_alive()


def test_a_browser_that_is_killed_is_started_again(kiosk: Kiosk) -> None:
    kiosk.comes_back()
    killed = kiosk.pid
    kiosk.forget()
    os.kill(killed, signal.SIGKILL)
    kiosk.comes_back()
    assert kiosk.pid != killed
    assert kiosk.ladder.restarts(kiosk.service._now()) == 1


def test_a_page_whose_renderer_is_killed_is_loaded_anew_in_the_same_browser(kiosk: Kiosk) -> None:
    kiosk.comes_back()
    same = kiosk.pid
    kiosk.forget()
    os.kill(renderer_of(same), signal.SIGKILL)
    kiosk.comes_back()
    assert kiosk.pid == same


def test_a_page_that_hangs_gets_another_browser(kiosk: Kiosk, caplog: pytest.LogCaptureFixture) -> None:
    kiosk.comes_back()
    hanging = kiosk.pid
    eventually(lambda: kiosk.ladder.has_lived)
    kiosk.ladder.paces = Paces(navigate_s=0.5, restart_s=1.5, start_s=20)
    kiosk.browsers[0].script = "while (true) {}"
    eventually(lambda: not kiosk.browsers[0].script)
    kiosk.forget()
    kiosk.comes_back()
    assert kiosk.pid != hanging
    assert "the page is silent: it is loaded anew" in caplog.text
    assert "the page stays silent: the browser is started anew" in caplog.text
    eventually(lambda: not list(living(hanging)))


def test_an_old_browser_is_replaced_once_while_the_panel_is_dark(kiosk: Kiosk) -> None:
    kiosk.comes_back()
    old = kiosk.pid
    kiosk.ladder.paces = Paces(rest_s=0.3, recycle_s=5, start_s=20)
    kiosk.service._started_at -= 5
    lit = kiosk.serving.glass.wish()
    dark = lit.model_copy(update={"panel": lit.panel.model_copy(update={"is_on": False})})
    kiosk.forget()
    kiosk.serving.glass.wish = lambda: dark.model_copy(  # type: ignore[method-assign]
        update={"page_age_s": kiosk.serving.hub.page_age_s}
    )
    kiosk.comes_back()
    fresh = kiosk.pid
    assert fresh != old
    assert kiosk.ladder.restarts(kiosk.service._now()) == 0, "nothing failed"
    assert not list(living(old))


def test_the_code_on_the_screen_is_proved_to_be_the_right_one(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "FIRST_S", 0)
    monkeypatch.setattr(proof, "BETWEEN_S", 0.5)
    kiosk.comes_back()
    eventually(lambda: kiosk.says("SCREEN_PROVEN"), within_s=40)
    another = kiosk.serving.glass.wish().model_copy(update={"code": "HTTPS://ELSEWHERE.EXAMPLE/R/1"})
    kiosk.serving.glass.wish = lambda: another  # type: ignore[method-assign]
    kiosk.eye.rest()
    eventually(lambda: kiosk.says("SCREEN_QR_UNREADABLE"), within_s=40)


def test_an_agent_that_restarts_is_no_reason_to_touch_the_page(kiosk: Kiosk) -> None:
    kiosk.comes_back()
    same = kiosk.pid
    kiosk.serving.stop()
    kiosk.forget()
    kiosk.serving.start_again()
    kiosk.comes_back()
    assert kiosk.pid == same


def test_nothing_is_left_of_a_browser_that_was_stopped(serving: Serving, tmp_path: Path) -> None:
    require(chromium_program(), "chromium")
    browser = Browser(str(chromium_program()), f"{serving.url}/screen", tmp_path / "profile", (*FLAGS, *HEADLESS))
    browser.start()
    group = browser.pid
    assert group is not None
    eventually(browser.answers, within_s=30)
    browser.stop()
    eventually(lambda: not list(living(group)))
    assert not (tmp_path / "profile").exists()
    with pytest.raises(TryAgain):
        browser.picture()


def test_a_browser_that_does_not_start_says_why(tmp_path: Path) -> None:
    browser = Browser("/nowhere/chromium", "http://127.0.0.1:1/screen", tmp_path / "profile", ())
    with pytest.raises(TryAgain, match="/nowhere/chromium cannot be started"):
        browser.start()
    assert not browser.has_died()


def test_the_last_words_of_a_browser_are_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\nyes 'a complaint' | head -c 1000000\necho no display >&2\nexit 3\n")
    program.chmod(0o755)
    browser = Browser(str(program), "http://127.0.0.1:1/screen", tmp_path / "profile", ())
    browser.start()
    eventually(browser.has_died)
    assert "the browser ended (3)" in caplog.text
    assert caplog.text.rstrip().endswith("no display")
    assert len(caplog.text) < 1000


@pytest.mark.parametrize(("memory", "lean"), [(GB, True), (2 * GB, False), (8 * GB, False)])
def test_only_a_small_board_gets_the_flags_that_save_memory(memory: int, *, lean: bool) -> None:
    flags = flags_for(memory, is_wayland=False)
    assert (set(LEAN_FLAGS) <= set(flags)) is lean
    assert "--no-sandbox" not in flags


def living(group: int) -> Iterator[tuple[int, bytes]]:
    """The processes of *group*, with their command lines; those that are dead and not yet buried have none."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(folder.name)) == group and (words := (folder / "cmdline").read_bytes()):
                yield int(folder.name), words


def renderer_of(browser: int) -> int:
    """The process of *browser* that draws the page."""
    return eventually(lambda: next((pid for pid, words in living(browser) if b"--type=renderer" in words), None))
