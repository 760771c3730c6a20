"""The parent's hold on a darkroom: hand a file in, hear what comes out, and end it when it hangs.

One darkroom for one file. It belongs to the thread that started it: the kernel kills it when that
thread ends. What it says is believed as far as it makes sense.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import SystemReason, TryAgain
from agent.screen.media.medium import SUFFIXES, MediaError, Medium

DARKROOM = (sys.executable, "-P", "-m", "agent.screen.media.darkroom")
SILENCE_S = 90.0
"""A darkroom that says nothing for so long hangs; one step over a huge picture takes a small board some ten seconds."""
LONGEST_S = 1800.0
KILL_S = 2.0
TURN_S = 0.25
LINE_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class Developed:
    """What was made of a file, and where it lies."""

    source: str
    media: tuple[Medium, ...]
    files: tuple[Path, ...]
    """One for each medium."""
    copy: Path
    """The file as it was when it was looked into; one of `files` where it is right as it stands."""


class Refused(MediaError):
    """The file cannot be shown; `source` is its content, empty when it was not read to its end."""

    def __init__(self, source: str, reason: str, **values: Any) -> None:
        super().__init__(reason, **values)
        self.source = source


def develop(
    file: Path,
    folder: Path,
    *,
    known: Callable[[str, int], None] = lambda source, size_bytes: None,  # noqa: ARG005
    turn: Callable[[], None] = lambda: None,
    opened: int | None = None,
) -> Developed:
    """Have *file* developed into the empty *folder*; where it is *opened* already, that descriptor is read.

    *known* is told its content and its size in bytes before it is decoded, *turn* is called about four times a
    second. What either raises ends the darkroom and is raised here.

    Raises:
        Refused: it cannot be shown.
        TryAgain: it changed while it was read.
        OSError: the machine has no room for another process.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                [*DARKROOM, str(theirs.fileno()), file if opened is None else "-", folder],
                stdin=subprocess.DEVNULL if opened is None else opened,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,  # a Ctrl-C in the terminal is for the agent
            )
        try:
            return _hear(ours, process, folder, known, turn)
        finally:
            _end(process)


def _hear(
    line: socket.socket,
    process: "subprocess.Popen[bytes]",
    folder: Path,
    known: Callable[[str, int], None],
    turn: Callable[[], None],
) -> Developed:
    source = ""
    try:
        for words in _words(line, turn):
            if "source" in words:
                source = str(words["source"])
                known(source, int(words["bytes"]))
                line.sendall(b"!")
            elif "refused" in words:
                raise _refusal(source, words)
            elif "made" in words:
                media, files = zip(*(_made(words, folder) for words in words["made"]), strict=True)
                return Developed(source, media, files, _named(words["copy"], folder))
    except TimeoutError:
        raise Refused(source, "hung") from None
    except (ValueError, KeyError, TypeError, AttributeError, ConnectionError):
        pass  # it talks nonsense, or went away in the middle of a word
    raise Refused(source, "crashed", how=_how_it_ended(process))


def _words(line: socket.socket, turn: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """What the darkroom says, word by word, until it goes.

    Raises:
        TimeoutError: it says nothing any more, or never ends.
    """
    begun = said = time.monotonic()
    waiting = b""
    while True:
        turn()
        now = time.monotonic()
        if now - said > SILENCE_S or now - begun > LONGEST_S:
            raise TimeoutError
        if not select.select([line], [], [], TURN_S)[0]:
            continue
        got = line.recv(65536)
        if not got:
            return
        said = now
        *lines, waiting = (waiting + got).split(b"\n")
        if len(waiting) > LINE_BYTES:
            raise ValueError("a word without end")
        yield from map(json.loads, lines)


def _refusal(source: str, words: dict[str, Any]) -> Exception:
    reason, values = str(words["refused"]), dict(words["values"])
    if reason == "changing":
        return TryAgain("it changed while it was read")
    if reason == "unreadable":
        values = {"error": SystemReason.of(OSError(values["errno"], os.strerror(int(values["errno"]))))}
        source = ""
    return Refused(source, reason, **values)


def _made(words: dict[str, Any], folder: Path) -> tuple[Medium, Path]:
    file = _named(words["file"], folder)
    if file.suffix.removeprefix(".") not in SUFFIXES:
        raise ValueError(file.name)
    return Medium(**words["medium"]), file


def _named(name: str, folder: Path) -> Path:
    if "/" in name or name.startswith("."):
        raise ValueError(name)
    return folder / name


def _how_it_ended(process: "subprocess.Popen[bytes]") -> str:
    try:
        code = process.wait(KILL_S)
    except subprocess.TimeoutExpired:
        return "?"
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
        with suppress(subprocess.TimeoutExpired):  # it hangs inside the kernel, with its disk; `subprocess` reaps it
            process.wait(KILL_S)
