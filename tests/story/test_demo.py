"""The demo, as a newcomer meets it: one address, and nothing left when it ends, however it ends."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.broker import mosquitto_program
from tests.conftest import require
from tests.eventually import eventually


class Demo:
    """`counter-agent demo` with a terminal that is not its own: no signal tells it when that is closed."""

    def __init__(self, folder: Path) -> None:
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.terminal, line = pty.openpty()
        self._said = folder / "said"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agent", "demo"],
                stdin=line,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(self.scratch), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        os.close(line)

    @property
    def said(self) -> str:
        return self._said.read_text(errors="replace")

    def address(self) -> str:
        return eventually(lambda: (re.search(r"http://\S+", self.said) or [None])[0], within_s=40)

    def close(self) -> None:
        with suppress(OSError):
            os.close(self.terminal)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    require(mosquitto_program(), "mosquitto")
    running = Demo(tmp_path)
    yield running
    running.close()


def _interrupt(demo: Demo) -> None:
    demo.process.send_signal(signal.SIGINT)


def _close_the_terminal(demo: Demo) -> None:
    os.close(demo.terminal)


@pytest.mark.parametrize("end", [_interrupt, _close_the_terminal])
def test_it_prints_one_address_and_leaves_nothing_behind(demo: Demo, end: Callable[[Demo], None]) -> None:
    assert urlsplit(demo.address()).hostname == "127.0.0.1"
    assert demo.said.count("http://") == 1
    end(demo)
    assert demo.process.wait(15) == 0, demo.said
    assert "nothing is left running" in demo.said
    assert list(demo.scratch.iterdir()) == []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            assert str(demo.scratch).encode() not in entry.read_bytes()
