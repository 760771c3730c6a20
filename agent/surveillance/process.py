"""The parent's hold on a camera's child: start it, hear it, ask it, end it.

The child is a fresh interpreter running `agent.surveillance.child` and nothing of the daemon, as
`multiprocessing`'s spawn would give, but without importing the daemon's `__main__` again, without
its resource tracker (one more interpreter for as long as the agent lives), and without pickles
from a process that parses foreign bytes. It belongs to the thread that opened it: the kernel
kills it when that thread ends.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from agent.errors import TryAgain
from agent.settings.model import Camera, Record
from agent.surveillance.cause import Cause
from agent.surveillance.egress.still import Still
from agent.surveillance.heartbeat import Heartbeat
from agent.surveillance.seeing.sight import Sight
from agent.surveillance.wire import Message, Wire
from drivers.base import CameraOptions

LEAVE_S = 0.8
"""A child that was asked to go may close its camera in this time."""
KILL_S = 0.5
"""What is still there so long after SIGKILL hangs inside the kernel."""
ANSWER_WITHIN_S = 9.0
"""A picture that is not made in this time is given up by the child: nobody waits longer."""


@dataclass(frozen=True)
class Ending:
    """Why a child is no longer there: in the driver's words, or by its exit."""

    code: str
    text: str
    again: bool = True
    """False when a person must act first."""
    cause: Cause | None = None
    """Why there is no video, where the code does not say it."""


@dataclass(frozen=True, slots=True)
class Told:
    """A recorded segment, as the child tells of it. Times are `time.monotonic()`."""

    file: str
    """Its path below the camera's folder."""
    began_at: float
    ended_at: float
    size_bytes: int
    pictures: int
    left_at: float | None = None
    """Of an earlier boot: when it ended, in seconds since 1970 by the clock of then."""

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Self:
        """From the child's words, which are believed as far as they make sense.

        Raises:
            KeyError, TypeError, ValueError: they make none.
        """
        file = str(words["file"])
        if file.startswith("/") or ".." in file.split("/"):
            raise ValueError(f"a recording at {file}")
        return cls(
            file,
            float(words["began_at"]),
            float(words["ended_at"]),
            int(words["size_bytes"]),
            int(words["pictures"]),
            float(words["left_at"]) if words.get("left_at") is not None else None,
        )


@dataclass
class _Question:
    kind: str
    answer: "Future[Still]" = field(default_factory=Future)
    asked_at: float = field(default_factory=time.monotonic)


_EGRESS: dict[str, Literal["pixelated", "masked", "plain"]] = {
    "pixelated": "pixelated",
    "masked": "masked",
    "plain": "plain",
}


class CameraProcess:
    """One child, from start to end. Everything belongs to one thread, but for what says otherwise."""

    def __init__(self, camera: str, process: "subprocess.Popen[bytes]", wire: Wire, heartbeat: Heartbeat) -> None:
        self._camera = camera
        self._process = process
        self._wire = wire
        self._lock = threading.Lock()
        self._questions: dict[int, _Question] = {}
        self._asked = 0
        self._stepped_at = 0.0
        """When the child last said that it is making what was asked for."""
        self._ending: Ending | None = None
        self.heartbeat = heartbeat
        self.started_at = time.monotonic()
        self.finished: list[Told] = []
        """Segments that were recorded and not yet taken from here."""
        self.unrecorded = ""
        """Why nothing can be recorded; empty while it can, or is not to be."""
        self.unrecorded_since = self.started_at
        """Since when that is so."""
        self.faceless = ""
        """Why faces cannot be found, so that pictures are pixelated whole; empty while nothing is wrong."""
        self.sight = Sight()
        """What it sees, and what those before it saw."""
        self.model = ""
        """What the driver says it opened."""

    @classmethod
    def start(cls, camera: Camera) -> "CameraProcess":
        """Start a child for *camera*. It gets its libraries ready, and opens nothing before `order`.

        Raises:
            OSError: the machine has no room for another process.
        """
        with ExitStack() as undo:
            heartbeat = Heartbeat.create()
            undo.callback(heartbeat.close)
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            with theirs:
                fds = (theirs.fileno(), heartbeat.fd)
                module = ["-m", "agent.surveillance.child", camera.name]
                process = subprocess.Popen(
                    [sys.executable, "-P", *module, *map(str, fds), camera.driver],
                    stdin=subprocess.DEVNULL,
                    pass_fds=fds,
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                    process_group=0,  # a Ctrl-C in the terminal is for the agent
                )
            undo.pop_all()
        return cls(camera.name, process, Wire(ours), heartbeat)

    def order(self, camera: Camera, *, timezone: str, sight: Sight | None = None, backdrop: Path | None = None) -> None:
        """Let the child open *camera*; *timezone* names the folders and files of its recordings.

        *sight* is what earlier children told; this one adds to it. *backdrop* is the file in which children keep what
        the empty counter looks like.
        """
        self.started_at = time.monotonic()
        self.sight = sight or self.sight
        self.sight.main_only, self.sight.look_since = "", self.started_at
        with suppress(OSError):  # it died at birth: `attend` will say so
            self._wire.offer(
                {
                    "driver": camera.driver,
                    "options": camera.options.model_dump(mode="json"),
                    "smaller": _smaller(camera),
                    "egress": camera.egress,
                    "masks": camera.masks,
                    "faces_model": str(camera.faces_model) if camera.faces_model is not None else None,
                    "record": _record(camera, timezone),
                    "analyse": camera.analyse,
                    "backdrop": str(backdrop) if backdrop is not None else None,
                    "visits": camera.visits.model_dump(mode="json") if camera.visits is not None else None,
                    **self.sight.words,
                }
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def attend(self, timeout_s: float) -> Ending | None:
        """Hear the child for up to *timeout_s* seconds: deliver its answers; how it ended, if it did."""
        try:
            message = self._wire.receive(timeout_s)
            if message is not None:
                self._hear(message)
        except EOFError:
            return self._ending or self._exit()
        except (ValueError, TypeError, KeyError) as error:
            return Ending("CAMERA_CRASHED", f"it talks nonsense: {error}")
        return None

    def ask(self, kind: Literal["still", "glimpse", "clip"] = "still") -> "Future[Still]":
        """Ask for a picture, a small one or a clip; from any thread. Who asks while one is being made gets that one.

        Raises:
            TryAgain: the child cannot be asked any more.
        """
        with self._lock:
            for question in self._questions.values():
                if question.kind == kind:
                    return question.answer
            self._asked += 1
            question = self._questions[self._asked] = _Question(kind)
            until = question.asked_at + ANSWER_WITHIN_S
            try:
                self._wire.offer({"kind": kind, "id": self._asked, "until": until})
            except OSError as error:
                del self._questions[self._asked]
                raise TryAgain(f"camera {self._camera}: {error}") from error
        return question.answer

    def relearn(self) -> None:
        """Let what is seen now be how it should be; from any thread.

        Raises:
            TryAgain: the child cannot be told any more.
        """
        with self._lock:
            try:
                self._wire.offer({"kind": "relearn"})
                for question in self._questions.values():
                    question.kind = ""  # what was asked for before shows the place before: it is for who asked then
            except OSError as error:
                raise TryAgain(f"camera {self._camera}: {error}") from error

    def stuck_s(self) -> float:
        """How long the oldest question has been waiting without a step towards its answer."""
        with self._lock:
            oldest = min((question.asked_at for question in self._questions.values()), default=None)
        return 0.0 if oldest is None else time.monotonic() - max(oldest, self._stepped_at)

    def dismiss(self) -> None:
        """Ask the child to close its camera and go; from any thread. Who attends it hears when it has."""
        self._wire.finish()

    def leave(self) -> None:
        """Dismiss the child, and hear it for a moment until it has gone. `close` does the rest."""
        self.dismiss()
        deadline = time.monotonic() + LEAVE_S
        while (left_s := deadline - time.monotonic()) > 0:
            if self.attend(left_s) is not None:
                break
        self._wait(max(0.0, left_s))

    def close(self) -> bool:
        """Kill the child if it is still there, and let go of everything. False when even SIGKILL did not end it."""
        if self._process.returncode is None:
            self.kill()
        is_gone = self._wait(KILL_S)
        with self._lock:
            self._wire.close()
            questions = list(self._questions.values())
            self._questions.clear()
        for question in questions:
            question.answer.set_exception(TryAgain(f"camera {self._camera} went away"))
        self.heartbeat.close()
        return is_gone

    def kill(self) -> None:
        self._process.kill()

    def is_gone(self) -> bool:
        """Whether the kernel has let the child end. Also after `close`."""
        return self._process.poll() is not None

    def _wait(self, timeout_s: float) -> bool:
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _exit(self) -> Ending:
        if not self._wait(KILL_S):
            return Ending("CAMERA_CRASHED", "it closed its end")
        code = self._process.returncode
        return Ending("CAMERA_CRASHED", signal.Signals(-code).name if code < 0 else f"exit code {code}")

    def _hear(self, message: Message) -> None:
        words = message.words
        match words["kind"]:
            case "opened":
                self.model = str(words["model"])
            case "seen":
                pass  # the heartbeat says so; this only wakes who reads that
            case "ending":
                self._ending = Ending(str(words["code"]), str(words["text"]), again=bool(words["again"]))
            case "segment":
                self.finished.append(Told.of(words))
            case "recording":
                self.unrecorded, self.unrecorded_since = str(words["trouble"]), float(words["since"])
            case "faces":
                self.faceless = str(words["trouble"])
            case "making":
                self._stepped_at = time.monotonic()
            case "still":
                self._stepped_at = time.monotonic()
                self._answer(message)
            case _:
                self.sight.hear(message)

    def _answer(self, message: Message) -> None:
        words = message.words
        with self._lock:
            question = self._questions.pop(int(words["id"]), None)
        if question is None:
            return
        if "error" in words:
            question.answer.set_exception(TryAgain(f"camera {self._camera}: {words['error']}"))
            return
        try:
            still = Still(
                content=message.body,
                width_px=int(words["width_px"]),
                height_px=int(words["height_px"]),
                taken_at_monotonic=float(words["taken_at_monotonic"]),
                egress=_EGRESS[str(words["egress"])],
                hidden=tuple(map(str, words["hidden"])),
                pictures=int(words["pictures"]),
                lasts_s=float(words["lasts_s"]),
            )
        except (KeyError, ValueError, TypeError) as error:
            question.answer.set_exception(TryAgain(f"camera {self._camera} answered nonsense: {error}"))
            raise
        question.answer.set_result(still)


def _smaller(camera: Camera) -> dict[str, Any] | None:
    """The options of the smaller stream that is looked at, where there is one."""
    options = camera.options.smaller if isinstance(camera.options, CameraOptions) else None
    return options.model_dump(mode="json") if options is not None else None


def folder_of(camera: str, record: Record) -> Path:
    """Where the recordings of the camera called *camera* are."""
    return record.path / camera


def _record(camera: Camera, timezone: str) -> dict[str, Any] | None:
    record = camera.record
    if record is None:
        return None
    return {
        "folder": str(folder_of(camera.name, record)),
        "segment_s": record.segment_s,
        "timezone": timezone,
        "jpeg_fps": record.jpeg_fps,
        "encode": record.encode or record.burn_masks,
        "burn_masks": record.burn_masks,
    }
