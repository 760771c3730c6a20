"""The whole thing on one machine: a broker, a province and a counter with simulated hardware.

The broker (a real Mosquitto on a free loopback port) and the province are child processes; the counter is
the daemon itself with one page more. The supervisor owns all of it, so Ctrl-C stops it in order, the
broker last, and the folder with everything it wrote is removed.
"""

import logging
import secrets
import select
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import yaml

from agent.app import App
from agent.clock import ClockQuality, Moment, SystemClock
from agent.demo.children import ChildProcess
from agent.demo.posters import draw_posters
from agent.errors import PersonMustAct
from agent.language import language
from agent.province.store import ProvinceView
from agent.service import Service
from agent.supervisor import Unit
from agent.web.demo import DemoSources, demo_routes
from drivers.keypad.sim import PtyKeypad

KEYS = {1: "31", 2: "32", 3: "33", 4: "34"}
"""What each drawn key sends."""
SAMPLES = (1, 2, 1, 4)
SAMPLE_EVERY_S = 3.5
"""Longer than the demo's lockout: each is a citizen of its own."""


class LaptopClock(SystemClock):
    """A laptop has a battery-backed clock, also where its kernel does not show it (containers)."""

    def read(self) -> Moment:
        moment = super().read()
        return moment if moment.quality.is_trusted else replace(moment, quality=ClockQuality.RTC)


class SampleVisitors(Service):
    """A few citizens at the start, so that the page has something to show."""

    name = "visitors"

    def __init__(self, keypad: PtyKeypad) -> None:
        super().__init__()
        self._keypad = keypad

    def run(self, stop: threading.Event) -> None:
        for key in SAMPLES:
            if stop.wait(SAMPLE_EVERY_S):
                return
            self.progress.beat()
            self._keypad.press(KEYS[key])
        while not stop.wait(1.0):
            self.progress.beat()


class Terminal(Service):
    """Stops the demo when its terminal was closed: `make` swallows the hang-up signal that would say so."""

    name = "terminal"

    def __init__(self, gone: Callable[[], None]) -> None:
        super().__init__()
        self._gone = gone

    def run(self, stop: threading.Event) -> None:
        line = select.poll()
        if sys.stdin is not None and sys.stdin.isatty():
            line.register(sys.stdin.fileno(), select.POLLHUP)
        while not stop.wait(0.5):
            self.progress.beat()
            if any(event & select.POLLHUP for _, event in line.poll(0)):
                self._gone()
                stop.wait()


def run() -> None:
    """Run the demo until Ctrl-C.

    Raises:
        PersonMustAct: Mosquitto is not installed.
    """
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if mosquitto is None:
        raise PersonMustAct("the demo needs a broker: apt-get install mosquitto (make demo does this)")
    logging.getLogger("agent").setLevel(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="counter-agent-demo-"))
    keypad = PtyKeypad(folder / "keypad")
    try:
        _run(folder, keypad, mosquitto)
    finally:
        keypad.close()
        shutil.rmtree(folder, ignore_errors=True)
    click.echo("Stopped; nothing is left running.")


def _run(folder: Path, keypad: PtyKeypad, mosquitto: str) -> None:
    port = _free_port()
    broker = f"mqtt://127.0.0.1:{port}"
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(_settings(folder, broker), allow_unicode=True, sort_keys=False), encoding="utf-8")
    draw_posters(folder / "media")
    received = folder / "province.db"
    receive = [sys.executable, "-m", "agent", "province", "receive"]
    receive += ["--province", "40", "--broker", broker, "--store", str(received)]
    view = ProvinceView(received)
    app = App(config, clock=LaptopClock)

    def totals() -> dict[str, int]:
        marks = app.outbox.marks().values()
        return {**view.totals(), "acknowledged": sum(mark.last - mark.pending for mark in marks)}

    sources = DemoSources(
        press=lambda key: keypad.press(KEYS[key]),
        received=view.newest,
        totals=totals,
        code=app.code_on_screen,
        hub=app.hub,
        health=app.health,
        language=language("vi"),
    )
    app.routes = demo_routes(sources)
    app.units_before = [
        Unit("broker", lambda: ChildProcess("broker", [mosquitto, "-c", str(folder / "mosquitto.conf")])),
        Unit("province", lambda: ChildProcess("province", receive)),
        Unit("visitors", lambda: SampleVisitors(keypad)),
        Unit("terminal", lambda: Terminal(app.stop)),
    ]
    announcer = threading.Thread(target=_announce, args=(app,), name="announcer", daemon=True)
    announcer.start()
    app.run()


def _announce(app: App) -> None:
    """Print the one address as soon as the pages answer."""
    web = app.web_is_up(within_s=30)
    if web is not None:
        click.echo(f"\n  Counter Agent demo: http://127.0.0.1:{web}/\n\n  Ctrl-C stops everything.\n")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _settings(folder: Path, broker: str) -> dict[str, object]:
    """The demo's configuration file; open it in the demo's folder to see how little a counter needs."""
    network = f"127.0.0.1:{_free_port()}"
    secret = folder / "qr.key"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_urlsafe(32))
    return {
        "counter": {
            "province": "40",
            "agent": "na-demo",
            "commune": "17329",
            "name": "Bộ phận Một cửa Công an xã Kim Liên",
            "hotlines": ["0238 3841 234"],
            "hours": {"mon-sun": ["00:00-24:00"]},
            "holidays": "none",
        },
        "uplink": {"broker": broker},
        "outbox": {"path": str(folder / "state" / "outbox.db")},
        "rating": {"correction_s": 2, "lockout_s": 3, "privacy": {"bucket_min": 0}},
        "keypads": [{"driver": "serial", "port": str(folder / "keypad"), "keys": {KEYS[n]: 4 - n for n in KEYS}}],
        "qr": {"mode": "local", "url": f"HTTP://{network}/R/", "secret_file": str(secret)},
        "cameras": [{"name": "quay", "driver": "sim", "visits": {"area": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}}],
        "screen": {"media": str(folder / "media")},
        "web": {"listen": "127.0.0.1:0", "counter_network": network},
    }
