"""A keypad on a serial port, or on whatever pyserial calls one (`/dev/…`, `socket://`, `rfc2217://`, `loop://`).

What pyserial gets wrong for a device that is unplugged and replugged for years is kept out here:

- Its `readline` returns partial lines and outlives its timeout under a trickle. Bytes go one by one
  into our own framer, under a deadline on the monotonic clock.
- What a keypad that boots when its port is opened has to say is not listened to (`mute_s`).
- The lock on a port is advisory, so who else has it open is looked up, and named.
- A network that falls silent is no error at all: a keypad that can be asked is asked (`heartbeat`).

The rest of it is `drivers.port`'s.

One thread. After DriverNotReady: `close`, `open`. Nothing is resolved earlier than in `open`, because
a replugged adapter may come back under another number.
"""

import select
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from serial import Serial
from serial.tools import list_ports

from drivers import place
from drivers.base import DriverError, DriverNotReady, Identity, Keypad, Press, Remark
from drivers.keypad import thieves
from drivers.keypad.framing import Framer
from drivers.keypad.pulse import Pulse
from drivers.keypad.wiring import SerialOptions
from drivers.place import Found
from drivers.port import PORT_ERRORS

SLICE_S = 0.1
"""How long one read of pyserial waits. Another timeout for each read would configure the port anew each time."""
PAUSE_S = 1.0
"""The bytes of one payload never pause for so long: what is incomplete then will not be completed."""
STOLEN_S = 10.0
"""A port that goes away so soon after it was opened was taken, where a known thief is about."""


class SerialKeypad(Keypad):
    """A keypad that sends bytes over a serial port."""

    Options = SerialOptions

    def __init__(self, options: SerialOptions, *, names: Path = place.SERIAL, root: Path = thieves.ROOT) -> None:
        """*names* and *root* stand for /dev/serial and / in tests."""
        self._options = options
        self._deaf = options.deaf
        self._names = names
        self._root = root
        self._serial: Serial | None = None
        self._where = ""
        self._remark: Remark | None = None
        self._presses: deque[Press] = deque()
        self._begin(0.0)
        self.ignored = 0
        """Payloads seen since construction that are no presses by the options."""

    def open(self) -> None:
        self.close()
        found = self._find()
        self._where = where = found.device
        try:
            port = self._options.open("KEYPAD", where, timeout_s=SLICE_S)
        except DriverError as error:
            raise self._named(where, error) from error
        self._serial = port
        self._remark = self._look(found)
        self._begin(time.monotonic())

    def close(self) -> None:
        port, self._serial = self._serial, None
        self._presses.clear()
        if port is not None:
            with suppress(*PORT_ERRORS):
                port.close()

    def read(self, timeout_s: float) -> Press | None:
        deadline = time.monotonic() + timeout_s
        while not self._presses:
            # One byte a time: what came before the device went away is delivered before the loss is told.
            with self._port() as port:
                self._ask(port)
                byte = self._next(port, deadline)
            now = time.monotonic()
            self._hear(byte, now)
            if not self._presses and now >= deadline:
                return None
        return self._presses.popleft()

    def _next(self, port: Serial, deadline: float) -> bytes:
        """The next byte, if it comes in a moment; or until *deadline*, where nothing else can be due before."""
        now = time.monotonic()
        is_idle = self._pulse is None and now - self._byte_at > PAUSE_S + SLICE_S
        if is_idle and isinstance(port, Serial):  # not what pyserial only calls a port
            heard, _, _ = select.select([port], [], [], max(0.0, deadline - now))
            if not heard:
                return b""
        return port.read(1)

    def acknowledge(self) -> None:
        if self._options.ack is not None:
            with self._port() as port:
                port.write(bytes.fromhex(self._options.ack))

    @property
    def is_heard(self) -> bool:
        return self._pulse is None or self._pulse.is_heard

    @property
    def remark(self) -> Remark | None:
        return self._remark

    def probe(self) -> Identity:
        with self._port() as port:
            _ = port.in_waiting
        device = str(Path(self._where).resolve())
        for found in list_ports.comports():
            if found.device == device:
                return Identity(found.manufacturer or "", found.product or "", found.serial_number or "", self._where)
        return Identity(where=self._where)

    # -- the wire ----------------------------------------------------------------------------------

    def _begin(self, at: float) -> None:
        """Forget what the opening before left behind."""
        self._framer: Framer = self._options.framing.framer()
        self._opened_at = at
        self._byte_at = at
        heartbeat = self._options.heartbeat
        self._pulse = None if heartbeat is None else Pulse(heartbeat, at + self._options.mute_s)

    def _hear(self, byte: bytes, now: float) -> None:
        if now - self._opened_at < self._options.mute_s:
            return
        payloads = self._framer.settle() if now - self._byte_at >= PAUSE_S else []
        if byte:
            self._byte_at = now
            payloads += self._framer.feed(byte)
        for payload in payloads:
            self._take(payload.hex(), now)

    def _take(self, code: str, now: float) -> None:
        heartbeat = self._options.heartbeat
        if self._pulse is not None and heartbeat is not None and code != heartbeat.tx:
            self._pulse.heard()
        if code in self._deaf:
            self.ignored += 1
        else:
            self._presses.append(Press(code, now))

    def _ask(self, port: Serial) -> None:
        """Put the heartbeat's question when it is due.

        Raises:
            DriverNotReady: it was put often enough.
        """
        pulse, heartbeat = self._pulse, self._options.heartbeat
        if pulse is None or heartbeat is None or not pulse.is_due(time.monotonic()) or port.in_waiting:
            return
        if pulse.is_lost:
            raise DriverNotReady("KEYPAD_SILENT", f"{self._where} did not answer {heartbeat.miss} times")
        port.write(bytes.fromhex(heartbeat.tx))
        pulse.asked(time.monotonic())

    @contextmanager
    def _port(self) -> Iterator[Serial]:
        """The open port; whatever it raises inside means that it is gone."""
        if self._serial is None:
            raise DriverNotReady("KEYPAD_MISSING", f"{self._where or 'the keypad'} is not open")
        try:
            yield self._serial
        except PORT_ERRORS as error:
            soon = time.monotonic() - self._opened_at < STOLEN_S
            code = "KEYPAD_STOLEN" if soon and self._is_brltty_about() else "KEYPAD_UNPLUGGED"
            raise DriverNotReady(code, f"{self._where} went away: {error}") from error

    # -- where it is, and who else is there --------------------------------------------------------

    def _find(self) -> Found:
        """Where the port is now.

        Raises:
            DriverNotReady: nothing matches.
            DriverFault: more than one device matches.
        """
        try:
            return self._options.find("KEYPAD", names=self._names)
        except DriverNotReady as missing:
            raise self._or_stolen(missing) from missing

    def _look(self, found: Found) -> Remark | None:
        """What is odd about the port that has just been opened."""
        others = [] if self._options.is_url else thieves.holders(found.device, root=self._root)
        if others:
            return Remark("KEYPAD_SHARED", {"holder": ", ".join(others)})
        return Remark("KEYPAD_MOVED", {"where": found.moved_to}) if found.moved_to else None

    def _named(self, where: str, refusal: DriverError) -> DriverError:
        """*refusal*, with the name of who is behind it where that can be found out."""
        if refusal.code == "KEYPAD_BUSY" and (holders := thieves.holders(where, root=self._root)):
            return DriverNotReady("KEYPAD_HELD", str(refusal), holder=", ".join(holders))
        return self._or_stolen(refusal)

    def _or_stolen(self, missing: DriverError) -> DriverError:
        """*missing*, unless its chip is plugged in and somebody is about who takes such chips from the kernel."""
        if missing.code != "KEYPAD_MISSING" or not self._is_brltty_about():
            return missing
        chips = thieves.portless_adapters(root=self._root)
        return DriverNotReady("KEYPAD_STOLEN", f"{missing}; {', '.join(chips)} has no port") if chips else missing

    def _is_brltty_about(self) -> bool:
        return not self._options.is_url and thieves.brltty_is_here(root=self._root)
