"""What every test gets: nothing may be left running after it, and a real broker when it asks for one."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.broker import Broker, mosquitto_program
from tests.browser import chromium_program, running_chromium
from tests.certificates import Certificates, make_certificates
from tests.disk import mounted
from tests.eventually import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
"""A busy machine may hold up any example; how long a test may take is `timeout` in setup.cfg."""

GOODBYE_S = 3.0
"""How long what a test started may take to end after the test."""


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Fail the test that leaves a thread or a child process behind, and name what it left."""
    threads, children = set(threading.enumerate()), _children()
    yield

    def left() -> list[str]:
        strays = [f"thread {thread.name}" for thread in threading.enumerate() if _is_stray(thread, threads)]
        return strays + [f"process {pid}: {command}" for pid, command in _children().items() if pid not in children]

    def nothing_is_left() -> bool:
        strays = left()
        assert not strays, f"left running by this test: {', '.join(strays)}"
        return True

    eventually(nothing_is_left, within_s=GOODBYE_S)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is soon full; needs root."""
    with mounted(tmp_path / "disk") as disk:
        yield disk


def _is_stray(thread: threading.Thread, before: set[threading.Thread]) -> bool:
    return thread not in before and not thread.daemon and thread.is_alive()


def _children() -> dict[int, str]:
    """This process's living children with their command lines; Python's own bookkeeper is not a stray."""
    bookkeeper = getattr(resource_tracker._resource_tracker, "_pid", None)
    found: dict[int, str] = {}
    us = str(os.getpid())
    for name in os.listdir("/proc"):  # noqa: PTH208 - twice a test: speed counts
        if not name.isdigit() or int(name) == bookkeeper:
            continue
        with suppress(OSError):  # it ended while we looked
            state, parent = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[:2]
            if parent == us and state != "Z":
                command = Path("/proc", name, "cmdline").read_bytes()
                found[int(name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def require(is_there: object, what: str) -> None:
    """Skip the test where *what* is missing; on CI, where the test command installs it, fail instead."""
    if is_there:
        return
    reason = f"{what} is not installed (make test installs it)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """A running broker on a free loopback port: anonymous, without memory. See `tests.broker.Broker` for others."""
    require(mosquitto_program(), "mosquitto")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with Broker(folder) as broker:
        yield broker


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A headless Chromium, one a module: for as long as it lives no other event loop can run on this thread."""
    program = chromium_program()
    require(program, "chromium")
    assert program is not None
    with running_chromium(program) as browser:
        yield browser


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority with a server, clients `na-0123` and `province`, and the wrong ones `expired` and `stranger`."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


FIGURE = "figure: "
"""Properties recorded under this name are measurements worth seeing after every run."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured, wherever they ran."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind if hasattr(report, "when")]
    told = [entry for report in reports for entry in getattr(report, "user_properties", ())]
    figures = {name: value for name, value in told if name.startswith(FIGURE)}
    for name, value in sorted(figures.items()):
        terminalreporter.write_line(f"{name.removeprefix(FIGURE)}: {value}")
