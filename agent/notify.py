"""Tells systemd how the daemon is: ready, reloading, stopping, alive (the protocol of sd_notify(3)).

One datagram a message to the socket named in `$NOTIFY_SOCKET`. Where nobody listens, as in a
terminal, every method does nothing. Nothing here raises, and nothing waits longer than
`PATIENCE_S`: a broken service manager must not stop a counter. May be called from any thread.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping

PATIENCE_S = 0.5

log = logging.getLogger(__name__)


class Notifier:
    """The line to the service manager, if there is one."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):  # how the variable spells Linux's abstract sockets
            self._address = f"\0{self._address[1:]}"

    def ready(self) -> None:
        """Start-up is done, or a reload is."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` must follow."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """An orderly end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line that `systemctl status` shows."""
        self._send(f"STATUS={' '.join(text.split())}")

    def watchdog(self) -> None:
        """Every service makes progress: do not restart the daemon yet."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.settimeout(PATIENCE_S)
                line.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning("systemd was not told %s: %s", message.partition("=")[0], error)


def watchdog_interval_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between two calls of `Notifier.watchdog`: half of the unit's WatchdogSec; None when nobody watches."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None  # meant for the process that started this one
    patience_us = environment.get("WATCHDOG_USEC", "")
    return int(patience_us) / 2_000_000 if patience_us.isdigit() and int(patience_us) > 0 else None
