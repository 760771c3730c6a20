"""A child process as a service: started, watched, asked to end, and killed if it does not."""

import os
import subprocess
import threading
from collections.abc import Sequence

from agent.errors import TryAgain
from agent.service import Service

LOOK_S = 0.2
GOODBYE_S = 1.5


class ChildProcess(Service):
    """Runs *command* in a process group of its own, so that Ctrl-C reaches only the one who owns it."""

    goodbye_s = GOODBYE_S + 0.5

    def __init__(self, name: str, command: Sequence[str]) -> None:
        super().__init__()
        self.name = name
        self._command = list(command)

    def run(self, stop: threading.Event) -> None:
        with subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, process_group=0
        ) as child:
            log = threading.Thread(target=self._read_log, args=(child,), name=f"{self.name}-log", daemon=True)
            log.start()
            try:
                while not stop.wait(LOOK_S):
                    self.progress.beat()
                    if child.poll() is not None:
                        break
            finally:
                end(child)
                log.join()
        if not stop.is_set():
            raise TryAgain(f"{self._command[0]} ended with {child.returncode}: {self._last_line}")

    _last_line = ""

    def _read_log(self, child: "subprocess.Popen[bytes]") -> None:
        """Drain what it says, so that a full pipe never stops it; the last line explains an early end."""
        if child.stderr is not None:
            for line in child.stderr:
                self._last_line = line.decode(errors="replace").strip()


def end(child: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, then SIGKILL to the whole group."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(GOODBYE_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        child.wait()
