"""A program that does one thing and says what it did: run, bounded in time, its failures told as drivers tell them."""

import subprocess
from collections.abc import Sequence

from drivers.base import DriverFault, DriverNotReady

PATIENCE_S = 8.0


def said_by(command: Sequence[str], *, package: str) -> tuple[int, str]:
    """The exit status of *command* and all that it said.

    Raises:
        DriverNotReady: it does not come to an end.
        DriverFault: it is not installed (*package* has it), or may not be run.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S, check=False
        )
    except FileNotFoundError as error:
        values = {"program": command[0], "package": package}
        raise DriverFault("PANEL_PROGRAM", f"{command[0]} is not installed", **values) from error
    except subprocess.TimeoutExpired as error:
        raise DriverNotReady("PANEL_SILENT", f"{command[0]} did not end within {PATIENCE_S:g} s") from error
    except OSError as error:
        raise DriverFault("PANEL_FAULT", f"{command[0]}: {error.strerror}") from error
    return done.returncode, done.stdout + done.stderr
