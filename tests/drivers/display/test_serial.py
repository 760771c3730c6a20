"""The serial display on a pseudo-terminal whose far end understands one maker's lines."""

import os
import pty
import re
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.base import DriverNotReady
from drivers.display.serial import SerialDisplay, SerialDisplayOptions
from tests.drivers.contract import FIRST, DisplayContract, PluggedDisplayBench, PluggedDisplayContract, card
from tests.eventually import eventually

SHOW, BLANK = r"QBAR(0,{code});TXT(1,{line1});\r\n", r"CLS(0);TXT(1,{line1});\r\n"


class FarEnd:
    """A display at the far end of the wire, plugged in until `unplug`: it keeps the code of the last line it got."""

    def __init__(self, path: Path, *, answers: bytes = b"") -> None:
        self.path, self.answers = path, answers
        self.heard = b""
        self.shown: str | None = None
        self.lines = 0
        self._wire: int | None = None
        self.replug()

    def replug(self) -> None:
        wire, far = pty.openpty()
        tty.setraw(far)
        self.path.symlink_to(os.ttyname(far))
        self._wire, self._far = wire, far
        threading.Thread(target=self._listen, args=(wire,), name="far-end", daemon=True).start()

    def unplug(self) -> None:
        if self._wire is not None:
            self.path.unlink()
            os.close(self._far)
            os.close(self._wire)
            self._wire = None

    def _listen(self, wire: int) -> None:
        line = b""
        while True:
            try:
                data = os.read(wire, 4096)
            except OSError:
                return
            if not data:
                return
            self.heard += data
            line += data
            while b"\n" in line:
                said, _, line = line.partition(b"\n")
                code = re.search(rb"QBAR\(0,([^)]*)\)", said)
                self.shown = code[1].decode() if code else None
                self.lines += 1
                if self.answers:
                    os.write(wire, self.answers)


@pytest.fixture
def far_end(tmp_path: Path) -> Iterator[FarEnd]:
    display = FarEnd(tmp_path / "display")
    yield display
    display.unplug()


def driver(far_end: FarEnd, **options: object) -> SerialDisplay:
    spelled = {"port": str(far_end.path), "show": SHOW, "blank": BLANK, **options}
    return SerialDisplay(SerialDisplayOptions.model_validate(spelled))


class TestSerialDisplayContract(PluggedDisplayContract):
    @pytest.fixture
    def bench(self, far_end: FarEnd) -> PluggedDisplayBench:
        lines = 0

        def seen() -> str | None:
            nonlocal lines
            eventually(lambda: far_end.lines > lines)
            lines = far_end.lines
            return far_end.shown

        return PluggedDisplayBench(lambda: driver(far_end), seen, far_end.unplug, far_end.replug)

    test_the_same_card_can_be_shown_again = DisplayContract.test_the_same_card_can_be_shown_again


def options(**chosen: object) -> SerialDisplayOptions:
    return SerialDisplayOptions.model_validate({"port": "/dev/ttyUSB0", "show": SHOW, **chosen})


def test_the_template_is_filled_in_and_nothing_else_is_sent() -> None:
    spelled = options(show=r"\x02Q{size}:{code}|{line1}|{line2}|{line3}\\\t\n").spelled(
        card(FIRST, "Mời đánh giá", "Quét mã")
    )
    assert spelled == f"\x02Q{len(FIRST)}:{FIRST}|Mời đánh giá|Quét mã|\\\t\n".encode()


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [("ascii", b"Moi danh gia"), ("latin-1", b"Moi danh gi\xe1"), ("utf-8", "Mời đánh giá".encode())],
)
def test_what_it_cannot_read_loses_its_marks(encoding: str, seen: bytes) -> None:
    spelled = options(show="{code}{line1}", encoding=encoding).spelled(card(FIRST, "Mời đánh giá"))
    assert spelled.removeprefix(FIRST.encode()).startswith(seen[:3])
    assert b"?" not in spelled


def test_a_display_that_cannot_be_blanked_is_left_alone(far_end: FarEnd) -> None:
    with driver(far_end, blank="") as display:
        display.show(card(FIRST))
        display.show(card(None))
        display.show(card(FIRST))
        eventually(lambda: far_end.lines == 2)


def test_one_that_answers_is_believed_when_it_did(tmp_path: Path) -> None:
    far_end = FarEnd(tmp_path / "display", answers=b"noise OK!\r\n")
    with driver(far_end, answer="OK") as display:
        display.show(card(FIRST))
    far_end.unplug()


def test_one_that_should_answer_and_does_not_is_silent(far_end: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.display.serial.ANSWER_S", 0.2)
    with driver(far_end, answer="OK") as display, pytest.raises(DriverNotReady) as silent:
        display.show(card(FIRST))
    assert silent.value.code == "DISPLAY_SILENT"


@pytest.mark.parametrize(
    "wrong",
    [{"show": "nothing"}, {"show": "{code}{colour}"}, {"blank": "{}"}, {"answer": ""}, {"port": None}, {"baud": 1}],
)
def test_templates_that_show_no_code_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        options(**wrong)


def test_one_that_takes_nothing_keeps_nobody_waiting(far_end: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    display = driver(far_end)
    display.open()
    monkeypatch.setattr("drivers.display.serial.TAKEN_S", 0.05)
    monkeypatch.setattr("serial.Serial.out_waiting", 7)
    with pytest.raises(DriverNotReady) as silent:
        display.show(card(FIRST))
    assert silent.value.code == "DISPLAY_SILENT"
    display.close()
