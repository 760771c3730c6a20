"""The camera on the board's own ribbon cable: `rpicam-vid` codes its pictures, and writes them down a pipe.

The program is this driver's child: it is killed when the driver closes, and by the kernel when the driver's
thread ends in any other way. What it complained of last is said when its pictures end.
"""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING, NoReturn

from drivers import base
from drivers.camera.live import LiveCamera

if TYPE_CHECKING:
    from av.container import InputContainer

    from drivers.camera.options import CsiOptions

PROGRAMS = ("rpicam-vid", "libcamera-vid")
"""Its name, and its former one."""
GOP_S = 2
WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Makes the kernel end the program with the thread that started it."""


class CsiCamera(LiveCamera):
    """Runs `rpicam-vid` for one of the board's cameras."""

    has_clock = False

    Options = base.elsewhere("drivers.camera.options", "CsiOptions")
    _options: "CsiOptions"

    def __init__(self, options: "CsiOptions") -> None:
        super().__init__(options)
        self._options = options
        self._program: subprocess.Popen[bytes] | None = None
        self._pipe: int | None = None
        self._complaints: IO[bytes] | None = None

    @property
    def where(self) -> str:
        return f"CSI {self._options.camera}"

    def _connect(self) -> "InputContainer":
        import av  # noqa: PLC0415

        program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
        if program is None:
            raise base.DriverFault("CAMERA_FAULT", f"{PROGRAMS[0]} is missing: sudo apt install rpicam-apps-lite")
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._pipe, end = os.pipe()
        try:
            self._program = subprocess.Popen(
                [*WITH_US, program, *self._wishes()], stdin=subprocess.DEVNULL, stdout=end, stderr=self._complaints
            )
        finally:
            os.close(end)
        rate = str(self._options.fps)
        return av.open(
            f"pipe:{self._pipe}", format="h264", options={"framerate": rate, "probesize": "32", "fpsprobesize": "0"}
        )

    def _wishes(self) -> list[str]:
        options = self._options
        size = ["--width", str(options.width), "--height", str(options.height), "--framerate", str(options.fps)]
        coding = ["--codec", "h264", "--inline", "--intra", str(GOP_S * options.fps), "--flush"]
        return [
            "--camera",
            str(options.camera),
            "--timeout",
            "0",
            "--nopreview",
            "--verbose",
            "0",
            *size,
            *coding,
            "-o",
            "-",
        ]

    def close(self) -> None:
        if self._program is not None:
            self._program.kill()
        super().close()
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        if self._program is not None:
            with suppress(subprocess.TimeoutExpired):  # it hangs inside the kernel, with the camera
                self._program.wait(1)
            self._program = None
        if self._complaints is not None:
            self._complaints.close()
            self._complaints = None

    def _refuse(self, error: Exception) -> NoReturn:  # noqa: ARG002 - the program says it better
        said = self._last_words()
        self.close()
        raise base.DriverNotReady("CAMERA_AWAY", f"{self.where}: {said}") from None

    def _last_words(self) -> str:
        """What the program complained of last."""
        if self._complaints is None:
            return super()._last_words()
        size = self._complaints.seek(0, 2)
        self._complaints.seek(max(0, size - 1000))
        lines = self._complaints.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), super()._last_words())
