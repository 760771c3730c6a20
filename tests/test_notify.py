"""What systemd hears, on a real datagram socket."""

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.notify import PATIENCE_S, Notifier, watchdog_interval_s


@pytest.fixture(params=["file", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end of the line, in both kinds of address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.settimeout(2)
        line.bind(str(tmp_path / "notify") if request.param == "file" else f"\0counter-{secrets.token_hex(8)}")
        yield line


@pytest.fixture
def notifier(systemd: socket.socket) -> Notifier:
    address = systemd.getsockname()
    return Notifier({"NOTIFY_SOCKET": f"@{address[1:].decode()}" if isinstance(address, bytes) else address})


def heard(systemd: socket.socket) -> str:
    return systemd.recv(4096).decode()


def test_the_daemons_life_is_told_in_order(systemd: socket.socket, notifier: Notifier) -> None:
    notifier.ready()
    notifier.watchdog()
    notifier.stopping()
    assert [heard(systemd) for _ in range(3)] == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_reload_carries_the_monotonic_time_that_systemd_asks_for(systemd: socket.socket, notifier: Notifier) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notifier.reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    first, second = heard(systemd).split("\n")
    assert first == "RELOADING=1"
    name, _, value = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(value) <= after


def test_a_status_of_two_lines_cannot_smuggle_in_a_second_message(systemd: socket.socket, notifier: Notifier) -> None:
    notifier.status("Đã kết nối\nREADY=1")
    assert heard(systemd) == "STATUS=Đã kết nối READY=1"


def test_without_systemd_nothing_is_said_and_nothing_breaks() -> None:
    Notifier({}).ready()


def test_a_service_manager_that_went_away_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert "systemd was not told READY" in caplog.text


def test_a_service_manager_that_does_not_listen_holds_nobody_up(
    systemd: socket.socket, notifier: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with suppress(BlockingIOError):
            while other.sendto(b"full", systemd.getsockname()):
                pass
    begun = time.monotonic()
    notifier.watchdog()
    assert time.monotonic() - begun < PATIENCE_S + 2
    assert "systemd was not told WATCHDOG" in caplog.text


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_patience(environment: dict[str, str], interval_s: float | None) -> None:
    assert watchdog_interval_s(environment) == interval_s
