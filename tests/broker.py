"""A real broker of a test's own: started, stopped, killed and started again on one loopback port.

Mosquitto mostly; what a counter does over MQTT 3.1.1 is also held against one that is not Mosquitto.

Its files and its log lie in the folder it is given. The port is held for as long as the object
lives, also while the broker is down, so whoever reconnects meets this broker or nobody.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from agent.uplink.session import Protocol
from tests.certificates import Certificates
from tests.eventually import eventually

FIRST_PORT, LAST_PORT = 15_000, 32_000
"""Below the range from which the kernel takes ports for outgoing connections."""

COUNTER_ACL = (
    "pattern write motcua/v1/40/%u/up/#",
    "pattern read motcua/v1/40/%u/down/#",
    "pattern read motcua/v1/40/_all/down/#",
    "pattern read motcua/v1/40/_group/+/down/#",
    "user province",
    "topic readwrite motcua/v1/40/#",
)
"""Who may do what: a counter speaks below its own name only; the user `province` hears and tells everybody."""


def mosquitto_program() -> str | None:
    """Where Mosquitto is; Debian keeps it in a folder that a user's PATH may lack."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class _Port:
    """A port number nobody else's test will take: its UDP twin is bound while this object lives."""

    def __init__(self) -> None:
        while True:
            # Not `random`: the test runner seeds that alike in every worker.
            self.number = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
            self._claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self._claim.bind(("127.0.0.1", self.number))
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", self.number))
            except OSError:
                self._claim.close()
            else:
                return

    def release(self) -> None:
        self._claim.close()


class AnyBroker(ABC):
    """A broker in a process of its own."""

    name: str
    newest = Protocol.MQTT5
    """The newest version of MQTT that it knows."""

    def __init__(self, folder: Path, *, scheme: str = "mqtt") -> None:
        self._folder = folder
        self._scheme = scheme
        self._port = _Port()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """What starts it."""

    @property
    def port(self) -> int:
        return self._port.number

    @property
    def url(self) -> str:
        """As `uplink.broker` writes it."""
        return f"{self._scheme}://{'127.0.0.1' if self._scheme == 'mqtt' else 'localhost'}:{self.port}"

    @property
    def log_file(self) -> Path:
        """Everything it said, over all its starts."""
        return self._folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        """Of the running broker."""
        assert self._process is not None, "this broker is not running"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start, and return once the port accepts connections."""
        assert not self.is_running, "this broker is running already"
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(self._command(), stderr=log)
        try:
            eventually(self._accepts, within_s=10)
        except AssertionError:
            self.kill()
            raise

    def stop(self) -> None:
        """Ask it to end (what it was told to keep is saved), and wait until it has."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it as a power cut would: nothing is saved, nobody is told."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(5)
        self._process = None

    def restart(self) -> None:
        """Stop and start again on the same port; without persistence it has forgotten everything."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and give its port back."""
        self.stop()
        self._port.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accepts(self) -> bool:
        assert self.is_running, f"{self.name} ended at once:\n{self.log_file.read_text(errors='replace')}"
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


class Broker(AnyBroker):
    """One Mosquitto. Anonymous and without memory unless told otherwise."""

    name = "mosquitto"

    def __init__(
        self,
        folder: Path,
        *,
        tls: Literal["off", "server", "mutual"] = "off",
        certificates: Certificates | None = None,
        passwords: Mapping[str, str] | None = None,
        acl: Sequence[str] = (),
        persistence: Literal["none", "default", "every-change"] = "none",
        max_queued_messages: int = 1000,
        options: Sequence[str] = (),
    ) -> None:
        """Describe a broker; `start` starts it.

        Args:
            folder: for its files; must exist.
            tls: `server` shows a certificate, `mutual` also asks for one and takes its common name as the user name.
            certificates: needed with *tls*.
            passwords: user name to password; without it anonymous clients are welcome.
            acl: lines of an ACL file, for example `COUNTER_ACL`; empty allows everything.
            persistence: `default` saves as Mosquitto comes (every half hour and at a clean stop),
                `every-change` within a second of any change.
            max_queued_messages: what is kept for a client that is away; 0 is no limit.
            options: further lines of mosquitto.conf.
        """
        super().__init__(folder, scheme="mqtt" if tls == "off" else "mqtts")
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"user {pwd.getpwuid(os.getuid()).pw_name}",  # root would otherwise become `mosquitto` and see no files
            "log_type all",
            "log_dest stderr",
            "set_tcp_nodelay true",
            f"max_queued_messages {max_queued_messages}",
            f"allow_anonymous {'true' if passwords is None and tls != 'mutual' else 'false'}",
            *_persistence_lines(folder, persistence),
            *options,
        ]
        if tls != "off":
            assert certificates is not None, "a broker with TLS needs certificates"
            lines += [
                f"cafile {certificates.ca}",
                f"certfile {certificates.of('server')}",
                f"keyfile {certificates.key_of('server')}",
            ]
        if tls == "mutual":
            lines += ["require_certificate true", "use_identity_as_username true"]
        if passwords is not None:
            lines.append(f"password_file {self._write_passwords(passwords)}")
        if acl:
            lines.append(f"acl_file {_write(folder / 'broker.acl', acl)}")
        self._configuration = _write(folder / "mosquitto.conf", lines)

    def _command(self) -> Sequence[str]:
        program = mosquitto_program()
        assert program is not None, "mosquitto is not installed"
        return [program, "-c", str(self._configuration)]

    def _write_passwords(self, passwords: Mapping[str, str]) -> Path:
        path = _write(self._folder / "broker.passwords", [f"{user}:{word}" for user, word in passwords.items()])
        subprocess.run(["mosquitto_passwd", "-U", path], check=True, capture_output=True)
        return path


class OtherBroker(AnyBroker):
    """aMQTT: not Mosquitto, not of its authors, and knows MQTT 3.1.1 only. Anonymous and without memory."""

    name = "amqtt"
    newest = Protocol.MQTT311

    def _command(self) -> Sequence[str]:
        return [sys.executable, "-m", "tests.other_broker", str(self.port)]


def _persistence_lines(folder: Path, persistence: str) -> list[str]:
    if persistence == "none":
        return ["persistence false"]
    lines = ["persistence true", f"persistence_location {folder}/"]
    if persistence == "every-change":
        lines += ["autosave_interval 1", "autosave_on_changes true"]
    return lines


def _write(path: Path, lines: Sequence[str]) -> Path:
    path.touch(mode=0o600)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
