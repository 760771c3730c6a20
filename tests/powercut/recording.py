"""What a real, unmodified program did to a folder, call by call, and what it said to the world between the calls.

The program runs under strace, which was chosen over a file system of our own because it needs neither root nor
a mount nor a Python package, stops the program at nothing but the calls named here (`--seccomp-bpf`), and
writes one log in which a flush of the disk and the thank-you on a socket stand in the order in which they
happened: the promise and what it rests on cannot be told in the wrong order. What it cannot see is a file
written through a memory map. SQLite writes only its `-shm` file so, which it makes anew after a cut, and which
is left out here for that reason. That nothing else was missed is proven every time: replaying the record must
give exactly the files that the program left (`Recording.end`).

A call becomes an operation when it *returned*; a flush covers only what had returned when it *began*.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.eventually import eventually
from tests.powercut.operations import (
    Flush,
    FlushFolder,
    Heard,
    Make,
    MakeFolder,
    Move,
    Recording,
    Remove,
    Resize,
    Said,
    Write,
    contents,
)

FOLDER_CALLS = ("mkdir", "mkdirat", "rmdir", "rename", "renameat", "renameat2", "unlink", "unlinkat", "link", "linkat")
FILE_CALLS = ("open", "openat", "creat", "close", "lseek", "write", "pwrite64", "writev", "ftruncate", "fallocate")
FLUSHES = ("fsync", "fdatasync")
UNKNOWN = ("truncate", "pwritev", "pwritev2", "copy_file_range", "sendfile", "dup", "dup2", "dup3")
"""Nothing here needs these on its files; one that does is refused instead of being guessed at."""
BIRTHS = ("clone", "clone3", "fork", "vfork", "execve")
"""A child process has descriptors of its own; a thread has its process's."""
WORDS = ("sendto", "sendmsg", "recvfrom", "recvmsg")


def strace_program() -> str | None:
    """Where strace is, if this machine lets it work."""
    program = shutil.which("strace")
    if program is None:
        return None
    tried = subprocess.run([program, "-qq", "-o", os.devnull, "true"], check=False, capture_output=True)
    return program if tried.returncode == 0 else None


def under_strace(log: Path) -> list[str]:
    """What to put before a command so that it is recorded in *log*, being still our own child (`-D`)."""
    calls = ",".join(f"?{call}" for call in (*FOLDER_CALLS, *FILE_CALLS, *FLUSHES, *UNKNOWN, *BIRTHS, *WORDS))
    how = ["-D", "-f", "--seccomp-bpf", "-q", "-xx", "-s", str(2**24)]
    return ["strace", *how, "-e", f"trace={calls}", "-o", str(log)]


def run_recorded(recording: Recording, program: str, *arguments: str, log: Path) -> None:
    """Run a small Python program to its end and add what it did; what it prints is what it promises."""
    command = [*under_strace(log), sys.executable, "-c", program, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
    read_log(recording, log, spoken_on=1)


def read_log(recording: Recording, log: Path, *, spoken_on: int | None = None) -> None:
    """Add one life of a program, as strace wrote it down, to *recording*; waits for the log's end.

    What goes to sockets is what the program says; with *spoken_on*, what goes to that descriptor as well.

    Raises:
        Unexplained: the program did something to the folder that this reader does not understand.
    """
    end = re.compile(rb"^\d+ +\+\+\+ (exited|killed)[^\n]*\n\Z", re.MULTILINE)
    eventually(lambda: end.search(log.read_bytes()[-200:]), within_s=10)
    _Reader(recording, spoken_on, _parents(log)).read(_calls(log))
    recording.end = contents(recording.root)


class Unexplained(AssertionError):
    """The log shows something that the record cannot hold."""


@dataclass(slots=True)
class _Call:
    """One system call of one thread."""

    thread: str
    name: str
    arguments: str
    began: int
    """How many operations there were when it began; set by the reader."""
    result: int


_LINE = re.compile(r"(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))")
_RESULT = re.compile(r"(.*)\) += (-?\d+|\?)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


def _calls(log: Path) -> Iterator[tuple[str, _Call]]:
    """The log's calls as ("begins" | "returned", call), in order; a call that never returned is only begun."""
    under_way: dict[str, _Call] = {}
    with log.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            match = _LINE.match(line)
            if match is None:
                continue
            thread, name, text, _, rest = match.groups()
            if name is not None:
                call = _Call(thread, name, "", 0, -1)
                call.arguments, is_whole = text, not text.endswith("<unfinished ...>")
                # What is said on a socket counts from the moment it leaves; its text stands in the first half.
                yield "begins", call
                if not is_whole:
                    call.arguments = text.removesuffix("<unfinished ...>").rstrip()
                    under_way[thread] = call
                    continue
            else:
                if thread not in under_way:
                    raise Unexplained(line[:200])
                call = under_way.pop(thread)
                call.arguments += rest
            found = _RESULT.match(call.arguments)
            if found is None:
                raise Unexplained(line[:200])
            call.arguments = found[1]
            call.result = int(found[2]) if found[2] != "?" else -1
            yield "returned", call


def _parents(log: Path) -> dict[str, str]:
    """By each child process that was born while the log was written, who bore it."""
    return {
        str(call.result): call.thread
        for phase, call in _calls(log)
        if phase == "returned" and call.name in BIRTHS and call.result > 0 and "CLONE_THREAD" not in call.arguments
    }


def _texts(arguments: str) -> list[bytes]:
    """The strings among a call's arguments, in order."""
    texts = []
    for text, dots in _TEXT.findall(arguments):
        if dots:
            raise Unexplained("strace cut a string")
        texts.append(bytes.fromhex(text.replace("\\x", "")))
    return texts


@dataclass(slots=True)
class _Open:
    """An open descriptor of something below the root."""

    path: str
    file: int | None
    """None: a folder."""
    at: int
    appends: bool


class _Reader:
    """Follows the descriptors of a process, and of each of its children, through their calls."""

    def __init__(self, recording: Recording, spoken_on: int | None, parents: dict[str, str]) -> None:
        self._recording = recording
        self._parents = parents
        self._children: dict[str, dict[int, _Open]] = {}
        self._operations = recording.operations
        self._spoken_on = spoken_on
        self._of_the_parent: dict[int, _Open] = {}
        self._open = self._of_the_parent
        self._names, self._sizes = _present(recording)
        self._folders = set(recording.folders) | {op.path for op in self._operations if isinstance(op, MakeFolder)}

    def read(self, calls: Iterator[tuple[str, _Call]]) -> None:
        for phase, call in calls:
            self._open = self._descriptors(call.thread)
            if phase == "begins":
                call.began = len(self._operations)
                if call.name in ("sendto", "sendmsg") or self._is_speech(call):
                    self._operations.append(Said(b"".join(_texts(call.arguments))))
            elif call.result >= 0:
                self._returned(call)

    def _descriptors(self, thread: str) -> dict[int, _Open]:
        """What is open to *thread*: of a child's, what its parent had open when it was born."""
        if thread not in self._parents:
            return self._of_the_parent
        if thread not in self._children:
            self._children[thread] = dict(self._descriptors(self._parents[thread]))
        return self._children[thread]

    def _is_speech(self, call: _Call) -> bool:
        return call.name == "write" and call.arguments.startswith(f"{self._spoken_on},")

    def _returned(self, call: _Call) -> None:
        name, texts = call.name, call.arguments.split(", ")
        if name == "execve":
            self._open.clear()  # nothing here is kept open over it
        elif name in BIRTHS:
            return
        elif name in ("recvfrom", "recvmsg"):
            self._operations.append(Heard(b"".join(_texts(call.arguments))[: call.result]))
        elif name in ("open", "openat", "creat"):
            self._opened(call)
        elif name in FOLDER_CALLS:
            self._folder_call(name.removesuffix("2").removesuffix("at"), call)
        elif name == "truncate":
            raise_if(self._below(_texts(call.arguments)[0]) is not None, call)
        elif name not in ("sendto", "sendmsg"):
            opened = self._open.get(int(texts[0])) if texts[0].isdigit() else None
            if opened is not None:
                self._file_call(name, opened, int(texts[0]), call)

    # -- names -------------------------------------------------------------------------------------

    def _below(self, path: bytes) -> str | None:
        """*path* relative to the root; None when it is elsewhere, or was left out on purpose."""
        named = Path(os.path.normpath(Path.cwd() / os.fsdecode(path)))
        if not named.is_relative_to(self._recording.root) or named.name.endswith("-shm"):
            return None
        return str(named.relative_to(self._recording.root))

    def _opened(self, call: _Call) -> None:
        path = self._below(_texts(call.arguments)[0])
        if path is None:
            return
        flags = call.arguments.rpartition('"')[2]
        if "O_DIRECTORY" in flags or path in self._folders or path == ".":
            self._open[call.result] = _Open(path, None, 0, False)
            return
        if call.name == "openat" and not call.arguments.startswith("AT_FDCWD"):
            raise Unexplained(f"a file opened relative to a folder: {path}")
        file = self._names.get(path)
        if file is None:
            file = self._names[path] = len(self._sizes)
            self._sizes.append(0)
            self._operations.append(Make(path, file))
        elif "O_TRUNC" in flags or call.name == "creat":
            self._resize(file, 0)
        self._open[call.result] = _Open(path, file, 0, "O_APPEND" in flags)

    def _folder_call(self, name: str, call: _Call) -> None:
        paths = [self._below(text) for text in _texts(call.arguments)]
        if not any(paths):
            return
        first, second = paths[0], paths[-1]
        raise_if(first is None or second is None or name in {"link", "rmdir"}, call)
        assert first is not None
        assert second is not None
        if name == "mkdir":
            self._folders.add(first)
            self._operations.append(MakeFolder(first))
        elif name == "rename":
            raise_if(first in self._folders, call)
            self._names[second] = self._names.pop(first)
            self._operations.append(Move(first, second))
        else:
            self._names.pop(first)
            self._operations.append(Remove(first))

    # -- files -------------------------------------------------------------------------------------

    def _file_call(self, name: str, opened: _Open, descriptor: int, call: _Call) -> None:
        raise_if(name in UNKNOWN, call)
        if name == "close":
            del self._open[descriptor]
        elif name in FLUSHES:
            flush = FlushFolder(opened.path, call.began) if opened.file is None else Flush(opened.file, call.began)
            self._operations.append(flush)
        elif opened.file is None:
            return
        elif name == "lseek":
            opened.at = call.result
        elif name == "ftruncate":
            self._resize(opened.file, int(call.arguments.split(", ")[1]))
        elif name == "fallocate":
            mode, start, size = call.arguments.split(", ")[1:]
            raise_if(mode != "0", call)
            self._resize(opened.file, max(self._sizes[opened.file], int(start) + int(size)))
        else:
            data = b"".join(_texts(call.arguments))[: call.result]
            at = opened.at
            if name == "pwrite64":
                at = int(call.arguments.rpartition(", ")[2])
            elif opened.appends:
                at = self._sizes[opened.file]
            if name != "pwrite64":
                opened.at = at + len(data)
            self._sizes[opened.file] = max(self._sizes[opened.file], at + len(data))
            self._operations.append(Write(opened.file, at, data))

    def _resize(self, file: int, size: int) -> None:
        self._sizes[file] = size
        self._operations.append(Resize(file, size))


def raise_if(is_strange: bool, call: _Call) -> None:
    if is_strange:
        raise Unexplained(f"{call.name}({call.arguments[:200]})")


def _present(recording: Recording) -> tuple[dict[str, int], list[int]]:
    """Which file each name means after the record so far, and how long each file is."""
    names = {path: number for number, path in enumerate(recording.start)}
    sizes = [len(data) for data in recording.start.values()]
    for operation in recording.operations:
        match operation:
            case Make(path, file):
                names[path] = file
                sizes.append(0)
            case Move(path, to):
                names[to] = names.pop(path)
            case Remove(path):
                names.pop(path)
            case Write(file, at, data):
                sizes[file] = max(sizes[file], at + len(data))
            case Resize(file, size):
                sizes[file] = size
    return names, sizes
