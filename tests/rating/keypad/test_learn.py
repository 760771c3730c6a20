"""Learning keys: a hand that presses what it is told, on a real pseudo-terminal, and the file before and after."""

import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from agent.errors import PersonMustAct
from agent.language import language
from agent.rating.keypad.learn import learn
from agent.settings.load import load
from agent.settings.problem import SettingsError
from drivers.keypad.evdev import EvdevKeypad
from drivers.keypad.keycodes import PAYLOADS
from drivers.keypad.serial import SerialKeypad
from drivers.keypad.sim import PtyKeypad
from drivers.keypad.wiring import SerialOptions
from tests.drivers.keypad.keyboard import Keyboard, PipeNode

ENGLISH = language("en")
PRESS, AGAIN = ENGLISH.template("learn.press").partition("{")[0], ENGLISH.text("learn.again")

HEAD = """\
# Quầy số 1
counter:
  province: "40"
  agent: na-0123        # in trên hộp
  language: en
uplink: {broker: "mqtts://mqtt.example"}
keypads:
"""


@pytest.fixture
def far_end(tmp_path: Path) -> Iterator[PtyKeypad]:
    with PtyKeypad(tmp_path / "keypad") as keypad:
        yield keypad


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.rating.keypad.learn.QUIET_S", 0.1)
    monkeypatch.setattr("agent.rating.keypad.learn.HELLO_S", 0.05)


class Technician:
    """Reads what is said, and presses: what each prompt gets, in order."""

    def __init__(self, press: Callable[[bytes], None], *bursts: bytes) -> None:
        self._press = press
        self._bursts = list(bursts)
        self.said: list[str] = []
        self.answer = True

    def say(self, line: str) -> None:
        self.said.append(line)
        if line.startswith(PRESS) or line == AGAIN:
            self._press(self._bursts.pop(0))

    def confirm(self, question: str) -> bool:
        self.said.append(question)
        return self.answer

    def teach(self, path: Path, *, number: int = 1) -> bool:
        return learn(path, number, say=self.say, confirm=self.confirm)


def write(tmp_path: Path, keypads: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(HEAD + keypads, encoding="utf-8")
    return path


def twice(*bursts: bytes) -> list[bytes]:
    return [burst for burst in bursts for _ in range(2)]


def test_each_key_is_pressed_twice_from_the_worst_to_the_best_and_only_the_keys_are_written(
    tmp_path: Path, far_end: PtyKeypad
) -> None:
    entry = f"  - driver: serial   # bên trái\n    port: {far_end.path}\n    stuck_s: 5   # giây\n"
    path = write(tmp_path, entry)
    path.chmod(0o640)
    technician = Technician(far_end.garbage, *twice(b"4", b"3", b"2", b"1"))
    assert technician.teach(path)
    keys = '    keys: {"31": 3, "32": 2, "33": 1, "34": 0}\n'
    first, rest = entry.split("\n", 1)
    assert path.read_text(encoding="utf-8") == f"{HEAD}{first}\n{keys}{rest}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert load(path).keypads[0].keys == {"31": 3, "32": 2, "33": 1, "34": 0}
    prompts = [line.removeprefix(PRESS) for line in technician.said if line.startswith(PRESS)]
    assert prompts == [level.label(ENGLISH) for level in load(path).rating.scale.levels]
    assert any("+" + keys.rstrip() in line for line in technician.said), "the difference is shown before it is asked"


def test_framing_is_found_and_written_beside_the_keys(tmp_path: Path, far_end: PtyKeypad) -> None:
    path = write(tmp_path, f"  - {{driver: serial, port: {far_end.path}, keys: {{}}}}\n")
    bursts = [b"RATE:%d\r\n" % level for level in range(4)]
    assert Technician(far_end.garbage, *twice(*bursts)).teach(path)
    keypad = load(path).keypads[0]
    assert isinstance(keypad.options, SerialOptions)
    assert keypad.options.framing.kind == "line"
    assert keypad.keys == {burst.strip().hex(): level for level, burst in enumerate(bursts)}


def test_what_a_key_sends_when_it_is_let_go_is_added_to_what_is_ignored(tmp_path: Path, far_end: PtyKeypad) -> None:
    path = write(tmp_path, f"  - driver: serial\n    port: {far_end.path}\n")
    assert Technician(far_end.garbage, *twice(b"1\xf0", b"2\xf0", b"3\xf0", b"4\xf0")).teach(path)
    options = load(path).keypads[0].options
    assert isinstance(options, SerialOptions)
    assert options.ignore == ("0d", "0a", "00", "ff", "f0")


def test_a_wrong_key_and_an_unsteady_one_are_said_and_pressed_again(tmp_path: Path, far_end: PtyKeypad) -> None:
    path = write(tmp_path, f"  - driver: serial\n    port: {far_end.path}\n")
    technician = Technician(
        far_end.garbage, b"4", b"4", b"4", b"3", b"9", b"3", b"3", b"2", b"2", b"1", b"1"
    )  # the first key again; then one that sends two different things
    assert technician.teach(path)
    assert load(path).keypads[0].keys == {"31": 3, "32": 2, "33": 1, "34": 0}
    assert sum("key that was pressed for" in line for line in technician.said) == 1
    assert sum("different things" in line for line in technician.said) == 1


def test_a_file_that_says_so_already_is_left_alone(tmp_path: Path, far_end: PtyKeypad) -> None:
    path = write(
        tmp_path, f'  - driver: serial\n    port: {far_end.path}\n    keys: {{"34": 0, "33": 1, "32": 2, "31": 3}}\n'
    )
    before = path.read_bytes()
    technician = Technician(far_end.garbage, *twice(b"4", b"3", b"2", b"1"))
    assert not technician.teach(path)
    assert path.read_bytes() == before


def test_nothing_is_written_without_a_yes(tmp_path: Path, far_end: PtyKeypad) -> None:
    path = write(tmp_path, f"  - driver: serial\n    port: {far_end.path}\n")
    before = path.read_bytes()
    technician = Technician(far_end.garbage, *twice(b"4", b"3", b"2", b"1"))
    technician.answer = False
    assert not technician.teach(path)
    assert path.read_bytes() == before
    assert technician.said[-1] == ENGLISH.text("learn.not_written")


def test_keys_that_cannot_be_told_apart_are_not_guessed(tmp_path: Path, far_end: PtyKeypad) -> None:
    path = write(tmp_path, f"  - driver: serial\n    port: {far_end.path}\n")
    with pytest.raises(PersonMustAct, match="shows no rule"):
        Technician(far_end.garbage, *twice(b"12", b"21", b"3", b"4")).teach(path)


def test_a_keypad_that_says_nothing_is_told(
    tmp_path: Path, far_end: PtyKeypad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.rating.keypad.learn.PATIENCE_S", 0.1)
    path = write(tmp_path, f"  - driver: serial\n    port: {far_end.path}\n")
    with pytest.raises(PersonMustAct, match="nothing came from the keypad"):
        Technician(far_end.garbage, b"").teach(path)


def test_a_hello_of_a_booting_keypad_is_not_taken_for_a_key(
    tmp_path: Path, far_end: PtyKeypad, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.rating.keypad.learn.HELLO_S", 0.4)
    path = write(tmp_path, f"  - driver: serial\n    port: {far_end.path}\n")
    technician = Technician(far_end.garbage, *twice(b"4", b"3", b"2", b"1"))
    hear = technician.say

    def say(line: str) -> None:
        if not technician.said:
            far_end.garbage(b"V1.3")
        hear(line)

    assert learn(path, 1, say=say, confirm=technician.confirm)
    assert sum("mute_s: 2" in line for line in technician.said) == 1
    assert load(path).keypads[0].keys == {"31": 3, "32": 2, "33": 1, "34": 0}


def test_a_port_that_the_agent_has_open_is_said_with_how_to_stop_it(tmp_path: Path, far_end: PtyKeypad) -> None:
    path = write(tmp_path, f"  - driver: serial\n    port: {far_end.path}\n")
    with (
        SerialKeypad(SerialOptions(port=str(far_end.path))),
        pytest.raises(PersonMustAct, match="systemctl stop counter-agent"),
    ):
        Technician(far_end.garbage).teach(path)


def test_a_problem_elsewhere_in_the_file_comes_first(tmp_path: Path, far_end: PtyKeypad) -> None:
    path = write(tmp_path, f"  - driver: serial\n    port: {far_end.path}\n    keys: {{x: 1}}\n    baud: 9601\n")
    with pytest.raises(SettingsError) as refused:
        Technician(far_end.garbage).teach(path)
    assert [problem.path for problem in refused.value.problems] == ["keypads[0].baud"]


def test_a_keypad_that_the_file_does_not_have_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "  - driver: sim\n    keys: {'31': 3}\n")
    for number in (0, 2):
        with pytest.raises(PersonMustAct, match=f"no keypad {number}"):
            Technician(lambda _: None).teach(path, number=number)
    with pytest.raises(PersonMustAct, match=r"nowhere\.yaml"):
        Technician(lambda _: None).teach(tmp_path / "nowhere.yaml")


def test_keys_with_names_are_written_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EvdevKeypad, "node", PipeNode)
    with Keyboard(tmp_path) as keyboard:
        path = write(tmp_path, f"  - driver: evdev\n    device: {keyboard.path}\n")
        keys = [PAYLOADS[f"KEY_KP{number}"] for number in (4, 3, 2, 1)]
        technician = Technician(lambda code: keyboard.press(code.decode()), *twice(*(key.encode() for key in keys)))
        assert technician.teach(path)
    assert "    keys: {KEY_KP1: 3, KEY_KP2: 2, KEY_KP3: 1, KEY_KP4: 0}\n" in path.read_text(encoding="utf-8")
    assert load(path).keypads[0].keys == dict(zip(keys, range(4), strict=True))


def test_the_command_itself_learns_a_keypad_in_the_technicians_language(tmp_path: Path, far_end: PtyKeypad) -> None:
    """The real command in a process of its own, pressed by a hand that reads what it prints."""
    path = write(tmp_path, f"  - driver: serial\n    port: {far_end.path}\n")
    path.write_text(path.read_text(encoding="utf-8").replace("language: en", "language: vi"), encoding="utf-8")
    command = [sys.executable, "-m", "agent", "learn", "keypad", "--config", str(path), "--yes"]
    codes = iter(twice(b"4", b"3", b"2", b"1"))
    prompts = ("Bấm phím", "  và bấm lần nữa")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line.rstrip())
            if line.startswith(prompts):
                far_end.garbage(next(codes))
    assert process.returncode == 0, said
    assert yaml.safe_load(path.read_bytes())["keypads"][0]["keys"] == {"31": 3, "32": 2, "33": 1, "34": 0}
    assert said[-1].startswith("Đã ghi vào")
