"""A port that somebody else holds, as systemd does: who asks during a restart waits, and is answered."""

import http.client
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.web.handed import FIRST_FD, handed
from agent.web.service import WebService
from tests.eventually import eventually
from tests.web.serving import Serving


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A listening socket in the place where systemd puts its first one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr("agent.web.handed.FIRST_FD", listener.fileno())
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        yield listener


def test_requests_during_a_restart_are_answered_after_it(tmp_path: Path, held: socket.socket) -> None:
    port = held.getsockname()[1]
    serving = Serving(tmp_path)
    serving.web = WebService(f"127.0.0.1:{port}", serving.site)
    with serving:
        assert serving.ask("GET", "/status")[0].status == 200
        serving.stop()
        answers: list[int] = []

        def ask() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", "/status")
            answers.append(connection.getresponse().status)
            connection.close()

        waiting = [threading.Thread(target=ask) for _ in range(3)]
        for one in waiting:
            one.start()
        serving.start_again()
        for one in waiting:
            one.join(20)
        eventually(lambda: answers == [200] * 3)


def test_another_address_than_the_held_one_is_opened_as_ever(held: socket.socket) -> None:
    assert handed("127.0.0.1", held.getsockname()[1] + 1) is None
    assert handed("127.0.0.2", held.getsockname()[1]) is None


def test_a_socket_that_was_given_to_another_process_is_left_alone(
    held: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    assert handed("127.0.0.1", held.getsockname()[1]) is None


def test_it_is_found_where_systemd_puts_it() -> None:
    """The first descriptor after standard error, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        program = (
            "import os; os.environ['LISTEN_PID'] = str(os.getpid());"
            f"from agent.web.handed import handed; print(handed('127.0.0.1', {port}).getsockname()[1])"
        )
        shell = f'exec {sys.executable} -c "$1" {FIRST_FD}<&0'
        said = subprocess.run(
            ["sh", "-c", shell, "sh", program],
            stdin=listener.fileno(),
            capture_output=True,
            text=True,
            env={**os.environ, "LISTEN_FDS": "1"},
            check=True,
        )
        assert said.stdout == f"{port}\n"
