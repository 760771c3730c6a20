"""The machine a figure was measured on, by what matters: its processor, kernel, file system and versions."""

import os
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.broker import mosquitto_program


def name(folder: Path) -> str:
    """One line, with nothing in it that points to a place or a person."""
    return ", ".join(
        (
            f"{_processor()}, {os.cpu_count()} cores",
            f"Linux {platform.release().split('-')[0]}",
            f"{_file_system(folder)}",
            f"Python {platform.python_version()}",
            f"SQLite {sqlite3.sqlite_version}",
            f"paho {version('paho-mqtt')}",
            f"sqlite-utils {version('sqlite-utils')}",
            f"Mosquitto {_mosquitto()}",
        )
    )


def load() -> str:
    """How busy it was in the last minute: above the number of cores, times say little and ratios less than usual."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return " ".join(value.split())
    return platform.machine()


def _file_system(folder: Path) -> str:
    done = subprocess.run(["stat", "--file-system", "--format=%T", folder], capture_output=True, text=True, check=False)
    return {"ext2/ext3": "ext4"}.get(done.stdout.strip(), done.stdout.strip())


def _mosquitto() -> str:
    program = mosquitto_program()
    if program is None:
        return "absent"
    said = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\S+)", said)
    return found[1] if found else "unknown"
