import codecs
from pathlib import Path

import pytest
from pydantic import Field, field_validator

from agent.rating.scale import VN3, VN4
from agent.settings.load import load, parse
from agent.settings.model import Settings, changed_sections
from agent.settings.problem import Problem, SettingsError
from drivers import registry
from drivers.base import Options
from drivers.keypad.serial import SerialKeypad
from drivers.keypad.sim import SimKeypad

COUNTER = 'counter: {province: "40", agent: na-0123, language: en}\n'
UPLINK = "uplink: {broker: mqtts://mqtt.nghean.example}\n"
SMALL = COUNTER + UPLINK


def read(text: str | bytes, running: Settings | None = None) -> Settings:
    return parse(text.encode() if isinstance(text, str) else text, "config.yaml", running=running)


def problems(text: str | bytes, running: Settings | None = None) -> list[Problem]:
    with pytest.raises(SettingsError) as caught:
        read(text, running)
    return caught.value.problems


def test_a_counter_and_a_broker_are_enough() -> None:
    settings = read(SMALL)
    assert settings.counter.province == "40"
    assert settings.counter.zone.key == "Asia/Ho_Chi_Minh"
    assert settings.outbox.path == Path("/var/lib/counter-agent/outbox.db")
    assert settings.rating.scale == VN4
    assert settings.keypads == ()
    assert settings.cameras == ()
    assert settings.qr is None
    assert settings.web.address.port == 8080


def test_sections_with_all_lines_commented_out_are_as_if_they_were_not_there() -> None:
    commented = "".join(
        f"{name}:\n  # nothing\n" for name in ("outbox", "rating", "keypads", "qr", "cameras", "screen", "web")
    )
    assert read(SMALL + commented) == read(SMALL)


def test_a_keypad_has_the_options_of_its_driver() -> None:
    text = 'keypads: [{driver: serial, port: /dev/ttyUSB0, baud: 19200, keys: {"3A": 3, "31": 0}, stuck_s: 5}]\n'
    (keypad,) = read(SMALL + text).keypads
    assert keypad.driver == "serial"
    assert keypad.keys == {"3a": 3, "31": 0}
    assert keypad.stuck_s == 5
    assert keypad.options == SerialKeypad.Options.model_validate({"port": "/dev/ttyUSB0", "baud": 19200})


def test_a_camera_has_the_options_of_its_driver() -> None:
    text = "cameras: [{name: quay, driver: file, source: /srv/clip.mp4, masks: [[[0, 0], [1, 0], [0.5, 1]]]}]\n"
    (camera,) = read(SMALL + text).cameras
    assert camera.options.model_dump() == {"source": Path("/srv/clip.mp4"), "loop": True}
    assert [list(polygon) for polygon in camera.masks] == [[(0, 0), (1, 0), (0.5, 1)]]
    assert camera.egress == "pixelated"


@pytest.mark.parametrize(
    ("broker", "host", "port", "encrypted"),
    [
        ("mqtts://mqtt.nghean.example", "mqtt.nghean.example", 8883, True),
        ("mqtt://127.0.0.1", "127.0.0.1", 1883, False),
        ("mqtt://127.0.0.1:45123", "127.0.0.1", 45123, False),
        ("mqtts://[2001:db8::1]:8884/", "2001:db8::1", 8884, True),
    ],
)
def test_a_broker_has_a_host_and_a_port(broker: str, host: str, port: int, encrypted: bool) -> None:
    uplink = read(COUNTER + f'uplink: {{broker: "{broker}"}}\n').uplink
    assert (uplink.address.host, uplink.address.port, uplink.is_encrypted) == (host, port, encrypted)


@pytest.mark.parametrize("mark", ["%d", "$CREDENTIALS_DIRECTORY", "${CREDENTIALS_DIRECTORY}"])
def test_systemd_credentials_are_found(mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = COUNTER + f'uplink: {{broker: mqtts://x, password_file: "{mark}/mqtt.password"}}\n'
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/other.service")
    assert read(text).uplink.password_file == Path("/run/credentials/other.service/mqtt.password")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert read(text).uplink.password_file == Path("/run/credentials/counter-agent.service/mqtt.password")


def test_a_scale_can_be_spelled_out() -> None:
    levels = "[{label: Kém, satisfied: false}, {label: {vi: Tốt, en: Good}, satisfied: true}]"
    scale = read(SMALL + f"rating: {{scale: {levels}}}\n").rating.scale
    assert len(scale.levels) == 2
    assert scale.satisfied == {1}
    assert read(SMALL + "rating: {scale: vn3}\n").rating.scale is VN3


def test_names_are_composed_letters() -> None:
    decomposed = "Co\u0302ng an xa\u0303 Kim Lie\u0302n"
    settings = read(f'counter: {{province: "40", agent: na-0123, name: {decomposed}}}\n' + UPLINK)
    assert settings.counter.name == "Công an xã Kim Liên"


@pytest.mark.parametrize(
    "written",
    [codecs.BOM_UTF8 + SMALL.encode(), SMALL.replace("\n", "\r\n").encode(), b"---\n" + SMALL.encode() + b"...\n"],
    ids=["byte order mark", "windows line ends", "document marks"],
)
def test_what_editors_add_changes_nothing(written: bytes) -> None:
    assert read(written) == read(SMALL)


def test_the_digest_is_of_the_values_and_not_of_the_words() -> None:
    other = f"# a comment\n{UPLINK}counter:\n  agent: 'na-0123'\n  province: '40'\n  language: en\n  number: 1\n"
    assert read(other).digest == read(SMALL).digest
    assert len(read(SMALL).digest) == 16
    assert read(SMALL + "rating: {lockout_s: 9}\n").digest != read(SMALL).digest
    keypads = [read(SMALL + f'keypads: [{{driver: sim, every_s: {s}, keys: {{"31": 3}}}}]\n').digest for s in (5, 6)]
    assert keypads[0] != keypads[1]


def test_only_the_sections_that_differ_are_changed() -> None:
    old = read(SMALL + 'keypads: [{driver: sim, every_s: 5, keys: {"31": 3}}]\n')
    new = read(SMALL + 'keypads: [{driver: sim, every_s: 6, keys: {"31": 3}}]\nweb: {listen: "[::1]:0"}\n')
    assert changed_sections(old, new) == {"keypads", "web"}
    assert changed_sections(old, old) == set()


def test_a_reload_does_not_move_the_box_or_its_outbox() -> None:
    running = read(SMALL)
    moved = SMALL.replace("na-0123", "na-0999") + "outbox:\n  path: /srv/outbox.db\n"
    first, second = problems(moved, running)
    assert (first.path, first.line, first.column) == ("counter.agent", 1, 34)
    assert '"na-0123" is running' in first.message
    assert (second.path, second.line) == ("outbox.path", 4)
    assert read(moved).counter.agent == "na-0999"
    assert read(SMALL + "rating: {lockout_s: 9}\n", running).rating.lockout_s == 9


def test_a_value_that_needs_a_restart_may_not_fall_back_to_its_default_either() -> None:
    (problem,) = problems(SMALL, read(SMALL + "outbox: {path: /srv/outbox.db}\n"))
    assert problem.path == "outbox.path"


def test_a_problem_stands_at_its_line_with_a_caret_under_it() -> None:
    (problem,) = problems(SMALL + 'keypads:\n- driver: seriel\n  keys: {"31": 3}\n')
    assert problem.render() == (
        'config.yaml:4:11 keypads[0].driver: no keypad driver "seriel". Did you mean "serial"? '
        "Known: evdev, gpio, serial, sim.\n"
        "    - driver: seriel\n"
        "              ^"
    )
    assert problem.payload() == {
        "path": "keypads[0].driver",
        "line": 4,
        "column": 11,
        "message": 'no keypad driver "seriel". Did you mean "serial"? Known: evdev, gpio, serial, sim.',
    }


def test_a_caret_stands_right_behind_letters_of_two_code_points() -> None:
    (problem,) = problems(COUNTER[:-2] + ", name: Kie\u0302\u0301n, number: 0}\n" + UPLINK)
    _, quoted, caret = problem.render().split("\n")
    assert quoted.replace("\u0302", "").replace("\u0301", "").index("0}") == caret.index("^")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (COUNTER, "missing"),
        (COUNTER.replace("en}", "vi}"), "thiếu"),
        ("", "trống"),
        ("counter:\n  language: en\n  a: b: c\n", "quotes"),
        ("counter:\n  language: vi\n  a: b: c\n", "ngoặc"),
        (b"counter:\n  language: en\n\xff", "UTF-8;"),
        ("counter: {language: xx}\n" + UPLINK, "còn thiếu"),
    ],
)
def test_problems_are_told_in_the_counters_language(text: str | bytes, word: str) -> None:
    assert word in "\n".join(problem.message for problem in problems(text))


def test_a_file_that_cannot_be_read_is_a_problem_of_the_whole_file(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(SettingsError) as caught:
            load(path)
        (problem,) = caught.value.problems
        assert problem.render().startswith(f"{path}: ")
        assert problem.line == 0


def test_a_file_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert load(path) == read(SMALL)


class _Picky(Options):
    """Options as third parties write them."""

    speed: int | str = "slow"
    tag: str = Field(default="a", pattern="^a")
    colour: str = "red"

    @field_validator("colour")
    @classmethod
    def _red(cls, colour: str) -> str:
        if colour != "red":
            raise ValueError("only red is made")
        return colour


class _Foreign(SimKeypad):
    Options = _Picky  # type: ignore[assignment]


def test_a_driver_of_ones_own_says_what_is_wrong_at_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(kind: str, name: str) -> type[SimKeypad]:
        return _Foreign

    monkeypatch.setattr(registry, "find", find)
    told = problems(SMALL + 'keypads:\n- driver: own\n  speed: [1]\n  tag: b\n  colour: blue\n  keys: {"31": 3}\n')
    assert [(problem.path, problem.line) for problem in told] == [
        ("keypads[0].speed", 5),
        ("keypads[0].tag", 6),
        ("keypads[0].colour", 7),
    ]
    assert told[2].message == "only red is made"


def test_a_driver_whose_package_is_broken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(kind: str, name: str) -> type[SimKeypad]:
        raise ModuleNotFoundError("No module named 'gpiozero'")

    monkeypatch.setattr(registry, "find", find)
    (problem,) = problems(SMALL + 'keypads: [{driver: own, keys: {"31": 3}}]\n')
    assert problem.path == "keypads[0].driver"
    assert "No module named 'gpiozero'" in problem.message
