"""The web service: found where it says, gone when asked, patient with a taken port, light to import."""

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from agent.health import OK
from agent.web import server, stream
from agent.web.service import WebService
from tests.eventually import eventually
from tests.web.serving import Listener, Serving


def test_it_stops_in_time_with_readers_of_its_streams(serving: Serving) -> None:
    with Listener(serving, "/events") as one, Listener(serving, "/status/events") as other:
        assert one.next()[0] == "state"
        assert other.next()[0] == "status"
        before = time.monotonic()
        serving.stop()
        assert time.monotonic() - before < WebService.goodbye_s
        with pytest.raises(EOFError):
            one.next()


def test_who_does_not_read_is_let_go_of_at_the_end(serving: Serving) -> None:
    large = serving.store.path / f"{32 * '0'}.mp4"
    large.parent.mkdir()
    with large.open("wb") as file:
        file.truncate(64 << 20)
    with socket.create_connection(("127.0.0.1", serving.port), timeout=5) as reader:
        reader.sendall(f"GET /media/{large.stem} HTTP/1.1\r\nHost: 127.0.0.1:{serving.port}\r\n\r\n".encode())
        assert reader.recv(12) == b"HTTP/1.1 200"
        serving.stop()
        with suppress(ConnectionResetError):
            while reader.recv(1 << 20):
                pass


def test_a_reader_gets_the_whole_state_first_and_every_change_after(serving: Serving) -> None:
    with Listener(serving, "/events") as listener:
        assert listener.answer.headers["Content-Type"].startswith("text/event-stream")
        name, state = listener.next()
        assert (name, state["counter"]["number"], state["playlist"]) == ("state", 1, [])
        serving.hub.thank()
        name, thanks = listener.next()
        assert (name, thanks["left_ms"]) == ("thanks", 4000)
        serving.hub.set_code(None)
        name, state = listener.next()
        assert (name, state["qr"]) == ("state", None)


def test_a_reader_that_connects_during_a_thank_you_is_told_what_is_left_of_it(serving: Serving) -> None:
    serving.hub.thank()
    serving.clock.advance(1.5)
    with Listener(serving, "/events") as listener:
        assert listener.next()[1]["thanks"]["left_ms"] == 2500


def test_silence_is_filled_with_heartbeats(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    with Listener(serving, "/events") as listener:
        assert [listener.next()[0] for _ in range(3)] == ["state", "beat", "beat"]


def test_the_hub_forgets_a_reader_that_hung_up(serving: Serving) -> None:
    with Listener(serving, "/events") as listener:
        listener.next()
        assert len(serving.hub._listeners) == 1
    eventually(lambda: not serving.hub._listeners)


def test_a_rating_does_not_stumble_over_a_server_that_has_just_ended(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving.hub, "unlisten", lambda _: None)
    with Listener(serving, "/events") as listener:
        listener.next()
        serving.stop()
    serving.hub.thank()
    serving.start()


def test_streams_are_bounded(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LIMIT_STREAMS", 1)
    with Listener(serving, "/events") as listener:
        listener.next()
        assert serving.ask("GET", "/events")[0].status == 503


def test_a_taken_port_is_named_in_health_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "RETRY_S", 0.02)
    serving = Serving(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        serving.web = WebService(listen, serving.site)
        starting = threading.Thread(target=serving.start)
        starting.start()
        [report] = eventually(serving.health.reports)
        assert (report.component, report.condition.code) == ("agent", "WEB_PORT_BUSY")
        assert report.condition.values["listen"] == listen
    starting.join(10)
    try:
        eventually(lambda: serving.health.reports()[0].condition == OK)
        assert serving.ask("GET", "/screen")[0].status == 200
    finally:
        serving.stop()


def test_it_can_be_told_to_stop_while_it_waits_for_its_port(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as other:
        web = WebService(f"127.0.0.1:{other.getsockname()[1]}", serving.site)
        thread = threading.Thread(target=web.run, args=(stop,))
        thread.start()
        eventually(serving.health.reports)
        stop.set()
        thread.join(web.goodbye_s)
        assert not thread.is_alive()


def test_it_makes_progress_while_nobody_asks(serving: Serving) -> None:
    eventually(lambda: serving.web.progress.age_s < 0.05)


def test_naming_the_services_imports_nothing_slow() -> None:
    program = (
        "import sys, agent.web.service, agent.screen.service, agent.screen.code.qr; "
        "print(*{'starlette', 'uvicorn', 'jinja2', 'PIL', 'qrcode', 'watchdog'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
