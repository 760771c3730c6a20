"""Learning a keypad's keys: each is pressed twice, in the order of the levels, and the map is written down.

The device is opened as the configuration names it, but heard without any opinion about what a press is; what
came is given back to the driver, which knows what to make of it. Nothing is written before the end, and then
only what was shown: the file with its new `keys` (and what else has to change for them) must be a configuration
that can be used.

One thread, in a terminal. A keypad that the agent itself has open is said to be busy, and by whom.
"""

import codecs
import difflib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import PersonMustAct
from agent.files import replace_file
from agent.language import Language, language, languages
from agent.rating.scale import Scale
from agent.settings.document import read as read_document
from agent.settings.edit import CannotEdit, flow, put
from agent.settings.load import parse
from agent.settings.model import Rating
from agent.settings.problem import SettingsError, spell
from drivers import registry
from drivers.base import DriverError, Keypad, KeypadOptions, Learnt

QUIET_S = 0.4
"""A press is over when nothing came for so long: what follows is the next one."""
PATIENCE_S = 60.0
"""How long is waited for a press before giving up."""
HELLO_S = 2.0
"""How long a keypad may say hello after it was opened; what it says is not taken for a press."""
TRIES = 5
BUSY = ("KEYPAD_BUSY", "KEYPAD_HELD", "KEYPAD_GRABBED", "KEYPAD_PIN_BUSY")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pupil:
    """The keypad to be learnt, as the file describes it."""

    number: int
    entry: dict[str, Any]
    driver: type[Keypad]
    options: KeypadOptions
    scale: Scale
    words: Language


def learn(path: Path, number: int, *, say: Say, confirm: Callable[[str], bool]) -> bool:
    """Learn keypad *number* (from 1) of the file at *path*; True when it was written.

    *say* shows a line; *confirm* asks whether to write what was shown.

    Raises:
        SettingsError: the file has problems elsewhere.
        PersonMustAct: there is no such keypad, it cannot be opened, or its keys cannot be told apart.
    """
    path = path.resolve()
    try:
        body = path.read_bytes()
    except OSError as error:
        raise PersonMustAct(f"{path}: {error.strerror}") from error
    pupil = _pupil(body, path, number)
    words = pupil.words
    learnt = _press_all(pupil, say)
    text = body.decode("utf-8-sig")
    mark = codecs.BOM_UTF8 if body.startswith(codecs.BOM_UTF8) else b""
    try:
        changed = _written(text, pupil, learnt)
    except CannotEdit as error:
        raise PersonMustAct(words.text("learn.cannot_edit", path=path, keys=flow(_keys(pupil, learnt)))) from error
    parse(changed.encode(), str(path))
    if changed == text:
        say(words.text("learn.same", path=path))
        return False
    lines = difflib.unified_diff(text.splitlines(), changed.splitlines(), str(path), str(path), n=1, lineterm="")
    say("\n".join(lines))
    if not confirm(words.text("learn.ask", path=path)):
        say(words.text("learn.not_written"))
        return False
    try:
        replace_file(path, mark + changed.encode())
    except OSError as error:
        raise PersonMustAct(words.text("learn.refused", path=path, text=error.strerror or error)) from error
    say(words.text("learn.written", path=path))
    return True


def _pupil(body: bytes, path: Path, number: int) -> Pupil:
    """The keypad as the file describes it, whose `keys` may be missing or wrong, but nothing else.

    Raises:
        SettingsError: something else is wrong.
        PersonMustAct: there is no such keypad.
    """
    place = spell(("keypads", number - 1, "keys"))
    try:
        parse(body, str(path))
    except SettingsError as error:
        others = [problem for problem in error.problems if not problem.path.startswith(place)]
        if others:
            raise SettingsError(others) from error
    data: Any = read_document(body.decode("utf-8-sig")).data
    code = data["counter"].get("language", "vi")
    words = language(code if code in languages() else "vi")
    keypads = data.get("keypads") or []
    if not 1 <= number <= len(keypads):
        raise PersonMustAct(words.text("learn.no_keypad", path=path, number=number, count=len(keypads)))
    entry = keypads[number - 1]
    driver = registry.find("keypad", entry["driver"])
    if not issubclass(driver, Keypad):
        raise PersonMustAct(words.text("learn.not_learnable", driver=entry["driver"]))
    own = {key: value for key, value in entry.items() if key in driver.Options.model_fields}
    rating = Rating.model_validate(data.get("rating") or {})
    options = driver.Options.model_validate(own)
    if not isinstance(options, KeypadOptions):
        raise PersonMustAct(words.text("learn.not_learnable", driver=entry["driver"]))
    return Pupil(number, entry, driver, options, rating.scale, words)


# -- pressing ----------------------------------------------------------------------------------------------


def _press_all(pupil: Pupil, say: Say) -> Learnt:
    """Have every key pressed twice; what the keypad was found to send."""
    words, options = pupil.words, pupil.options
    keypad = pupil.driver(options.raw())
    bursts: list[list[bytes]] = []
    try:
        with keypad:
            say(words.text("learn.begin", number=pupil.number, where=keypad.probe().where))
            if options.is_stream:
                _hear_hello(keypad, words, say)
            for level in pupil.scale.levels:
                taken = {options.tidy(presses[0]): index for index, presses in enumerate(bursts)}
                bursts.append(_press_twice(keypad, pupil, level.label(words), taken, say))
    except DriverError as error:
        raise PersonMustAct(_why(error, words)) from error
    learnt = options.learn(bursts)
    if learnt is None:
        raise PersonMustAct(words.text("learn.shapeless", shown="; ".join(presses[0].hex(" ") for presses in bursts)))
    return learnt


def _hear_hello(keypad: Keypad, words: Language, say: Say) -> None:
    """Let a keypad that boots say what it says; it will say it again whenever the agent opens it."""
    until, codes = time.monotonic() + HELLO_S, []
    while (left_s := until - time.monotonic()) > 0:
        press = keypad.read(left_s)
        if press is not None:
            codes.append(press.code)
            until = max(until, time.monotonic() + QUIET_S)
    if codes:
        say(words.text("learn.hello", shown=" ".join(codes[:20])))


def _press_twice(keypad: Keypad, pupil: Pupil, label: str, taken: dict[bytes, int], say: Say) -> list[bytes]:
    """What the key of one level sends at two presses that are alike, and like no other key's."""
    words = pupil.words
    for _ in range(TRIES):
        say(words.text("learn.press", level=label))
        first = _burst(keypad, pupil)
        if pupil.options.tidy(first) in taken:
            other = pupil.scale.levels[taken[pupil.options.tidy(first)]].label(words)
            say(words.text("learn.taken", code=_shown(pupil, first), other=other))
            continue
        say(words.text("learn.again"))
        second = _burst(keypad, pupil)
        if pupil.options.tidy(first) == pupil.options.tidy(second):
            return [first, second]
        say(words.text("learn.differs", first=_shown(pupil, first), second=_shown(pupil, second)))
    raise PersonMustAct(words.text("learn.gives_up", level=label))


def _burst(keypad: Keypad, pupil: Pupil) -> bytes:
    """What comes at one press: everything until it is quiet. A keypad with names for its keys sends one at a time."""
    deadline = time.monotonic() + PATIENCE_S
    came: list[str] = []
    while True:
        press = keypad.read(QUIET_S if came else 1.0)
        if press is not None:
            if not press.is_held and (pupil.options.is_stream or not came):
                came.append(press.code)
        elif any(code not in ("0d", "0a", "00", "ff") or not pupil.options.is_stream for code in came):
            return bytes.fromhex("".join(came))
        elif time.monotonic() >= deadline:
            raise PersonMustAct(pupil.words.text("learn.nothing", seconds=round(PATIENCE_S)))


def _why(error: DriverError, words: Language) -> str:
    """A driver's refusal in the technician's words; who has the port is most often the agent itself."""
    try:
        told = words.text(f"health.{error.code}.message", **error.values)
        hint = words.text(f"health.{error.code}.hint", **error.values)
    except KeyError:
        return str(error)
    stop = words.text("learn.stop_agent") if error.code in BUSY else ""
    return "\n".join(filter(None, (f"{told} ({error})", stop, hint)))


# -- writing -----------------------------------------------------------------------------------------------


def _keys(pupil: Pupil, learnt: Learnt) -> dict[str, int]:
    """The key map, the best level first, as people write it."""
    return {_name(pupil, code): level for level, code in reversed(list(enumerate(learnt.codes)))}


def _name(pupil: Pupil, code: str) -> str:
    return next((name for name, payload in pupil.driver.key_names.items() if payload == code), code)


def _shown(pupil: Pupil, burst: bytes) -> str:
    return _name(pupil, burst.hex()) if pupil.driver.key_names else burst.hex(" ")


def _written(text: str, pupil: Pupil, learnt: Learnt) -> str:
    """*text* with what was learnt, and nothing else changed."""
    for name, value in {"keys": _keys(pupil, learnt), **learnt.options}.items():
        if pupil.entry.get(name) != value:
            place = ("keypads", pupil.number - 1, name)
            text = put(text, place, value, after="driver" if name == "keys" else "keys")
    return text
