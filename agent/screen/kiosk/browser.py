"""The browser: one real Chromium that shows one page of the agent, and can be asked how it is.

It gets a profile of its own on memory, wiped before each start, so that no crash, renamed box or half-written file of
an earlier life is met again, and what crashes leave behind fills no memory. Its errors are read to
the end and only the last of them kept: a browser that complains for weeks must cost nothing. It dies with its whole
process group.
"""

import base64
import errno
import fcntl
import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.errors import PersonMustAct, SystemReason, TryAgain
from agent.screen.kiosk.pipe import Pipe

log = logging.getLogger(__name__)

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--kiosk",
    "--no-first-run",
    "--noerrdialogs",
    "--hide-crash-restore-bubble",
    "--password-store=basic",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-breakpad",
    "--no-pings",
    "--disable-domain-reliability",
    "--remote-debugging-pipe",
)
LEAN_FLAGS = ("--enable-low-end-device-mode", "--renderer-process-limit=1")
"""They help a board with 1 GB, and change nothing where there is memory."""
LEAN_BELOW_BYTES = 1500 * 1024 * 1024
GOODBYE_S = 2.0
ANSWER_S = 3.0
PICTURE_S = 15.0
LAST_WORDS_BYTES = 2000
DUMPS = "BREAKPAD_DUMP_LOCATION"
"""Where Chromium leaves what it writes of a crash."""
_LOWEST_FD = 10
"""Above the browser's 3 and 4, so that setting one never closes the other."""


def browser_program() -> str:
    """The distribution's Chromium.

    Raises:
        PersonMustAct: there is none.
    """
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise PersonMustAct("Chromium is not installed: sudo apt install chromium")
    return found


def flags_for(memory_bytes: int, *, is_wayland: bool) -> tuple[str, ...]:
    """The flags on a box with so much memory."""
    lean = LEAN_FLAGS if memory_bytes < LEAN_BELOW_BYTES else ()
    return (*FLAGS, *lean, *(("--ozone-platform=wayland",) if is_wayland else ()))


class Browser:
    """One life after another of the same browser. One thread."""

    def __init__(self, program: str, address: str, profile: Path, flags: Sequence[str]) -> None:
        self._command = [program, *flags, f"--user-data-dir={profile}", address]
        self._address, self._profile = address, profile
        self._pid: int | None = None
        self._pipe: Pipe | None = None
        self._session: str | None = None
        self._complaints: _Complaints | None = None

    @property
    def pid(self) -> int | None:
        """Of the browser's first process."""
        return self._pid

    def start(self) -> None:
        """Begin a new life.

        Raises:
            TryAgain: the system does not let it begin.
        """
        self.stop()
        shutil.rmtree(self._profile, ignore_errors=True)
        try:
            self._profile.mkdir(parents=True, mode=0o700)
            self._spawn()
        except OSError as error:
            self.stop()
            raise TryAgain(f"{self._command[0]} cannot be started: {SystemReason.of(error)}") from error

    def _spawn(self) -> None:
        ends: list[int] = []
        try:
            for _ in range(3):
                ends += [_raised(end) for end in os.pipe()]
            commands_out, commands_in, answers_out, answers_in, errors_out, errors_in = ends
            self._pid = os.posix_spawn(
                self._command[0],
                self._command,
                {**os.environ, DUMPS: str(self._profile)},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, errors_in, 1),
                    (os.POSIX_SPAWN_DUP2, errors_in, 2),
                    (os.POSIX_SPAWN_DUP2, commands_out, 3),
                    (os.POSIX_SPAWN_DUP2, answers_in, 4),
                ],
                setpgroup=0,
                setsigmask=(),
                setsigdef=(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE),
            )
            ends = [commands_out, answers_in, errors_in]
            self._pipe = Pipe(commands_in, answers_out)
            self._complaints = _Complaints(errors_out)
        finally:
            for end in ends:
                os.close(end)

    def stop(self) -> None:
        """End it and all that it started."""
        if self._pid is not None:
            _end(self._pid)
        self._forget()

    def _forget(self) -> None:
        self._pid = self._session = None
        if self._pipe is not None:
            self._pipe.close()
        if self._complaints is not None:
            self._complaints.close()
        self._pipe = self._complaints = None
        shutil.rmtree(self._profile, ignore_errors=True)

    def has_died(self) -> bool:
        """Whether it ended by itself; says so in the log, with its last words."""
        if self._pid is None:
            return False
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            return False
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # its helpers
        words = self._complaints.last_words() if self._complaints is not None else ""
        log.warning("the browser ended (%d)%s", os.waitstatus_to_exitcode(status), f": {words}" if words else "")
        self._forget()
        return True

    def answers(self, *, within_s: float = ANSWER_S) -> bool:
        """Whether the agent's page is open and runs its scripts."""
        try:
            said = self._ask("Runtime.evaluate", {"expression": "location.href"}, within_s=within_s)
        except TryAgain:
            self._session = None
            return False
        return bool(said.get("result", {}).get("value") == self._address)

    def navigate(self) -> None:
        """Load the page anew. Raises TryAgain when the browser does not take it."""
        self._session = None
        self._ask("Page.navigate", {"url": self._address}, within_s=ANSWER_S)

    def picture(self) -> bytes:
        """What it draws, as a PNG. Raises TryAgain."""
        said = self._ask("Page.captureScreenshot", {"format": "png"}, within_s=PICTURE_S)
        return base64.b64decode(said["data"])

    def _ask(self, method: str, params: dict[str, str], *, within_s: float) -> dict[str, Any]:
        if self._pipe is None:
            raise TryAgain("there is no browser")
        if self._session is None:
            targets = self._pipe.ask("Target.getTargets", within_s=within_s)["targetInfos"]
            pages = [target for target in targets if target["type"] == "page"]
            if not pages:
                raise TryAgain("the browser has no page")
            own = next((page for page in pages if page["url"] == self._address), pages[0])  # it may have opened others
            wanted = {"targetId": own["targetId"], "flatten": True}
            attached = self._pipe.ask("Target.attachToTarget", wanted, within_s=within_s)
            self._session = str(attached["sessionId"])
        return self._pipe.ask(method, params, session=self._session, within_s=within_s)


class _Complaints:
    """Reads what the browser writes, for ever, and keeps its end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._last = descriptor, b""
        self._thread = threading.Thread(target=self._read, name="browser-errors", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # there are as many tasks as there may be
            os.close(descriptor)
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error

    def _read(self) -> None:
        while piece := os.read(self._descriptor, 4096):
            self._last = (self._last + piece)[-LAST_WORDS_BYTES:]

    def last_words(self) -> str:
        self._thread.join(GOODBYE_S)
        return " ".join(self._last.decode(errors="replace").split())[-400:]

    def close(self) -> None:
        self._thread.join(GOODBYE_S)
        if not self._thread.is_alive():  # else a helper still writes, and the thread holds the descriptor
            os.close(self._descriptor)


def _end(pid: int) -> None:
    """Ask the group *pid* to end, then end it."""
    until = time.monotonic() + GOODBYE_S
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() > until:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            break
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _raised(descriptor: int) -> int:
    """*descriptor* under a higher number, closed in children."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _LOWEST_FD)
    finally:
        os.close(descriptor)
