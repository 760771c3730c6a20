"""The gate: the way from the QR on the screen to a rating on a citizen's phone.

It reads the counter's secret, says which address the screen shows now and why it shows none, lets a phone in
that scanned it, and opens what the portal sealed. It decides nothing about ratings.

`address` is asked by the screen's thread again and again, and is the one author of the health component `qr`;
everything else may be called from any thread. A secret that cannot be used is looked at again whenever its file
changes, and until then there is no code to scan: a QR that leads nowhere is worse than none.

Through the portal a token is judged by another clock than the one that signed it, so none is shown while this
box's clock cannot be believed. Where the box serves the page itself both clocks are the same, and any will do.
"""

import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from agent.clock import Clock
from agent.errors import PersonMustAct, SystemReason
from agent.health import OK, Condition, Health, Status
from agent.rating.phone.rotation import Rotation
from agent.rating.phone.secret import SECRET_BYTES, QrKeys, device_of
from agent.rating.phone.sticker import sticker_address
from agent.rating.phone.token import GRACE_S, Token, mint, open_ticket, read_ticket, verify
from agent.settings.model import Qr

log = logging.getLogger(__name__)

_LONGEST_SECRET = 4096
_Stamp = tuple[int, ...]


class SecretUnusable(PersonMustAct):
    """The secret cannot be used; `condition` says why and what to do."""

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition.code)
        self.condition = condition


class Gate:
    """One counter's gate for phones."""

    def __init__(
        self, qr: Qr, agent: str, *, clock: Clock, health: Health, opened: Callable[[], None] = lambda: None
    ) -> None:
        """*opened* is called when a phone came through the code, on that phone's thread; it must not wait."""
        self._qr, self._agent, self._clock, self._health = qr, agent, clock, health
        self._opened = opened
        self._rotation = Rotation(device_of(agent), qr.rotate_s, now=clock.monotonic())
        self._lock = Lock()
        self._stamp: _Stamp | None = None
        self._keys: QrKeys | None = None
        self._trouble: Condition | None = None
        self.shown: str | None = None
        """What the screen was last told to show; any thread may ask."""

    @property
    def lasts_s(self) -> float | None:
        """How long an address still lets somebody in after it was first shown; None: for ever."""
        return None if self._qr.mode == "static" else self._qr.rotate_s + GRACE_S

    def address(self) -> str | None:
        """What the QR on the screen says now; None: none may be shown, and health says why."""
        try:
            text = self._address()
        except SecretUnusable as error:
            text, condition = None, error.condition
        else:
            condition = OK if text is not None else Condition(Status.DEGRADED, "QR_CLOCK")
        self._report(condition)
        self.shown = text
        return text

    def admit(self, text: str) -> tuple[Token, str]:
        """Let in a phone that brings the token *text*: the token, and the ticket that holds ten minutes.

        Raises:
            TokenRefused: not one of this counter's, or its time is over.
            SecretUnusable: nobody can be let in now.
        """
        keys = self.keys()
        token = verify(text, {keys.device: keys}.get)
        now = self._clock.monotonic()
        self._rotation.check(token, wall_s=self._clock.now().timestamp(), now=now)
        self.use(token)
        return token, open_ticket(keys, token, at=now)

    def answering(self, ticket: str) -> Token:
        """The token whose ticket this is: the phone may answer.

        Raises:
            TokenRefused: no ticket of this counter, or its ten minutes are over.
            SecretUnusable: nobody can be let in now.
        """
        keys = self.keys()
        return read_ticket(ticket, {keys.device: keys}.get, now=self._clock.monotonic())

    def use(self, token: Token) -> None:
        """A vote with *token* arrived, whichever way: the next in the queue is shown another one."""
        self._rotation.use(token)
        self._opened()

    def came_by_print(self) -> None:
        """A phone came through a printed code, let in elsewhere; it is what the screen shows in `static` mode alone."""
        if self._qr.mode == "static":
            self._opened()

    def keys(self) -> QrKeys:
        """This counter's keys, read again when the secret's file changed.

        Raises:
            SecretUnusable: the file cannot be used.
        """
        path = self._qr.secret_file
        if path is None:  # a static code signs nothing
            raise SecretUnusable(Condition(Status.OFF, "NOT_CONFIGURED"))
        with self._lock:
            stamp = _stamp(path)
            if stamp != self._stamp or self._keys is None:
                self._keys, self._stamp = None, None
                self._keys = QrKeys.from_secret(read_secret(path), agent=self._agent)
                self._stamp = stamp
            return self._keys

    def _address(self) -> str | None:
        qr = self._qr
        if qr.mode == "static":
            return sticker_address(qr.url, self._agent)
        keys = self.keys()
        moment = self._clock.read()
        if qr.mode == "portal" and not moment.quality.is_trusted:
            return None
        return qr.url + mint(keys, self._rotation.current(wall_s=moment.at.timestamp(), now=self._clock.monotonic()))

    def _report(self, condition: Condition) -> None:
        if condition.status is Status.OK:
            if self._trouble is not None:
                log.info("qr: the code is shown again")
            self._trouble = None
        elif condition != self._trouble:
            log.warning("qr: no code is shown: %s %s", condition.code, dict(condition.values) or "")
            self._trouble = condition
        self._health.report("qr", condition)


def read_secret(path: Path) -> bytes:
    """The secret in the file at *path*.

    Raises:
        SecretUnusable: it cannot be read, others can read it too, or it is too short.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            secret = file.read(_LONGEST_SECRET).strip()
    except OSError as error:
        values = {"path": name, "error": SystemReason.of(error)}
        raise SecretUnusable(Condition(Status.FAILED, "QR_SECRET_UNREADABLE", values)) from error
    # A group of its own may read: that is how systemd hands credentials to a service, and how packages are installed.
    if mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise SecretUnusable(Condition(Status.FAILED, "QR_SECRET_OPEN", {"path": name, "mode": f"{mode:03o}"}))
    if len(secret) < SECRET_BYTES:
        short = {"path": name, "length": len(secret), "limit": SECRET_BYTES}
        raise SecretUnusable(Condition(Status.FAILED, "QR_SECRET_SHORT", short))
    return secret


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_mode
