"""A QR display on a serial port: the small USB ones that shops stand beside the till for payments.

They draw the code by themselves from a line of text, and every maker spells that line in its own way, so the
spelling is the configuration's: a template for what is shown, and one for when there is no code. Nothing comes back
from most of them; one that answers can be asked to, and is then known to be alive.

One thread. After DriverNotReady: `close`, `open`.
"""

import re
import time
import unicodedata
from contextlib import suppress
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from serial import Serial

from drivers.base import Card, Display, DriverNotReady, Identity, refuse
from drivers.port import PORT_ERRORS, PortOptions

ANSWER_S = 2.0
TAKEN_S = 5.0
"""What a display may take for a card that was written: at 2400 baud, a thousand bytes."""
SLICE_S = 0.1
FIELDS = ("code", "size", "line1", "line2", "line3")
_FIELD = re.compile(r"\{([^{}]*)\}")
_PIECE = re.compile(r"\{([^{}]*)\}|\\x[0-9A-Fa-f]{2}|\\[rnt\\]|.", re.DOTALL)
_ESCAPED = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}


class SerialDisplayOptions(PortOptions):
    """`driver: serial`. Exactly one of `port` and `match` says where the display is."""

    show: str = Field(min_length=1, max_length=1000)
    """What makes it show a code, in single quotes, its line ends included: 'QBAR(0,{code});\\r\\n'. {code} is the text
    of the QR, {size} its length in bytes, {line1} to {line3} are short lines for people; \\r, \\n, \\t, \\\\ and \\x1b
    stand for bytes that nobody can type."""
    blank: str = Field(default="", max_length=1000)
    """What makes it show that there is no code now; {line1} to {line3} say why. Empty: what stood there is left."""
    encoding: Literal["utf-8", "ascii", "latin-1", "gb18030"] = "utf-8"
    """How it reads letters. What it cannot read loses its marks: "Quet ma" for "Quét mã"."""
    answer: str | None = Field(default=None, min_length=1, max_length=100)
    """What it sends back once it has understood, anywhere in its answer; unset: it says nothing."""
    start_s: float = Field(default=0, ge=0, le=30)
    """Seconds it needs after its port was opened before it listens."""

    @field_validator("show", "blank")
    @classmethod
    def _known_fields(cls, template: str) -> str:
        for name in _FIELD.findall(template):
            if name not in FIELDS:
                raise refuse("display_field", seen=f"{{{name}}}", known=", ".join(f"{{{each}}}" for each in FIELDS))
        return template

    @model_validator(mode="after")
    def _shows_the_code(self) -> Self:
        if "{code}" not in self.show:
            raise refuse("display_codeless")
        return self

    def spelled(self, card: Card) -> bytes:
        """What is sent for *card*; nothing where the display has no way to say it."""
        composed = unicodedata.normalize("NFC", self.blank if card.code is None else self.show)
        lines = (*card.words, "", "", "")
        code = card.code or ""
        values = {"code": code, "size": str(len(self._encoded(code)))}
        values |= {f"line{number}": lines[number - 1] for number in (1, 2, 3)}
        spelled = {name: self._encoded(value) for name, value in values.items()}
        return b"".join(spelled[piece[1]] if piece[1] else self._typed(piece[0]) for piece in _PIECE.finditer(composed))

    def _typed(self, text: str) -> bytes:
        """A letter of the template, or an escape that stands for one byte."""
        if not text.startswith("\\") or len(text) == 1:
            return self._encoded(text)
        return bytes([int(text[2:], 16)]) if text[1] == "x" else _ESCAPED[text[1]]

    def _encoded(self, text: str) -> bytes:
        return b"".join(self._letter(letter) for letter in unicodedata.normalize("NFC", text))

    def _letter(self, letter: str) -> bytes:
        try:
            return letter.encode(self.encoding)
        except UnicodeEncodeError:
            plain = unicodedata.normalize("NFD", letter.replace("đ", "d").replace("Đ", "D"))[0]
            return plain.encode(self.encoding, "replace")


class SerialDisplay(Display):
    """Has a display draw the code by itself."""

    Options = SerialDisplayOptions

    def __init__(self, options: SerialDisplayOptions) -> None:
        self._options = options
        self._serial: Serial | None = None
        self._where = options.port or ""
        self._hears_at = 0.0

    def open(self) -> None:
        self.close()
        self._where = self._options.find("DISPLAY").device
        self._serial = self._options.open("DISPLAY", self._where, timeout_s=SLICE_S)
        self._hears_at = time.monotonic() + self._options.start_s

    def close(self) -> None:
        port, self._serial = self._serial, None
        if port is not None:
            with suppress(*PORT_ERRORS):
                port.reset_output_buffer()  # else the kernel waits for half a minute for one that takes nothing
            with suppress(*PORT_ERRORS):
                port.close()

    def show(self, card: Card) -> None:
        port = self._opened()
        spelled = self._options.spelled(card)
        if not spelled:
            return
        time.sleep(max(0.0, self._hears_at - time.monotonic()))
        try:
            port.reset_input_buffer()
            port.write(spelled)
            self._await_taken(port)
            self._await_answer(port)
        except PORT_ERRORS as error:
            raise DriverNotReady("DISPLAY_UNPLUGGED", f"{self._where} went away: {error}") from error

    def probe(self) -> Identity:
        self._opened()
        return Identity(where=self._where)

    def _await_taken(self, port: Serial) -> None:
        """Until the port has sent everything. Its own way to wait, tcdrain(3), may never come to an end."""
        until = time.monotonic() + TAKEN_S
        while getattr(port, "out_waiting", 0):  # a network port has no such count
            if time.monotonic() >= until:
                raise DriverNotReady("DISPLAY_SILENT", f"{self._where} takes nothing")
            time.sleep(0.01)

    def _await_answer(self, port: Serial) -> None:
        if self._options.answer is None:
            return
        expected, heard = self._options.answer.encode(self._options.encoding, "replace"), b""
        until = time.monotonic() + ANSWER_S
        while expected not in heard:
            if time.monotonic() >= until:
                raise DriverNotReady("DISPLAY_SILENT", f"{self._where} did not answer; it said {heard[:50]!r}")
            heard += port.read(max(1, port.in_waiting))

    def _opened(self) -> Serial:
        if self._serial is None:
            raise DriverNotReady("DISPLAY_MISSING", f"{self._where or 'the display'} is not open")
        return self._serial
