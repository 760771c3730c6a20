"""The files in systemd/, held against systemd itself."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agent.settings.model import Web
from tests.conftest import require

UNITS = Path(__file__).parents[2] / "systemd"
EXPOSURE_LIMITS = {"counter-agent-kiosk.service": 3.5}
"""Of 10; a unit without a sandbox has 9.6. A browser brings a sandbox of its own, which it must be let make."""
EXPOSURE_LIMIT = 1.5
"""Of every other unit."""


def say(*command: str | Path) -> str:
    """Run a systemd tool and hand back everything it said."""
    program = str(command[0])
    require(shutil.which(program), program)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(params=sorted(path.name for path in UNITS.glob("*.service")))
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit as it is, but for the program it starts: that one is not installed on this machine."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / str(request.param)
    copy.write_text(re.sub(r"^(ExecStart=)\S+", rf"\1{program}", (UNITS / request.param).read_text(), flags=re.M))
    return copy


def test_systemd_finds_nothing_to_say_about_a_unit(unit: Path) -> None:
    # It exits 0 for unknown keys too and only prints: any output counts.
    assert say("systemd-analyze", "verify", "--man=no", unit) == ""


def test_a_unit_is_hardly_exposed(unit: Path, record_property: Callable[[str, object], None]) -> None:
    said = say("systemd-analyze", "security", "--offline=yes", "--no-pager", unit)
    level = re.search(r"Overall exposure level for .*: ([\d.]+)", said)
    assert level is not None, said
    limit = EXPOSURE_LIMITS.get(unit.name, EXPOSURE_LIMIT)
    record_property(f"figure: exposure of {unit.name} (at most {limit})", level[1])
    assert float(level[1]) <= limit, said


def test_systemd_finds_nothing_to_say_about_the_socket(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "counter-agent.service").write_text(f"[Service]\nExecStart={program}\n")
    socket = tmp_path / "counter-agent.socket"
    socket.write_text((UNITS / socket.name).read_text())
    assert say("systemd-analyze", "verify", "--man=no", socket) == ""


def test_the_socket_is_where_the_pages_are_unless_said() -> None:
    assert f"\nListenStream={Web().listen}\n" in (UNITS / "counter-agent.socket").read_text()


def test_the_screens_browser_may_go_nowhere_but_to_this_box() -> None:
    policy = json.loads((UNITS / "counter-agent-kiosk.policy.json").read_text())
    assert policy["URLBlocklist"][0] == "*"
    assert "chrome://*" not in policy["URLBlocklist"], "parts of its own window would become pages"
    assert "DeveloperToolsAvailability" not in policy, "the kiosk's pipe would be cut, too"
    assert {urlsplit(address).hostname for address in policy["URLAllowlist"]} == {"127.0.0.1", "localhost", "::1"}


def test_the_agents_user_is_in_every_group_that_owns_its_devices(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    said = say("systemd-sysusers", "--dry-run", f"--root={tmp_path}", UNITS / "counter-agent.sysusers")
    made = set(re.findall(r"Creating (?:group|user) '([\w-]+)'", said))
    assert made == {"counter-agent", "counter-kiosk", "dialout", "video", "render", "input", "gpio"}


def test_secrets_beside_the_configuration_are_closed_to_everybody_else(tmp_path: Path) -> None:
    (tmp_path / "etc/counter-agent").mkdir(parents=True, mode=0o755)
    secrets = [tmp_path / "etc/counter-agent" / name for name in ("mqtt.password", "qr.key")]
    for secret in secrets:
        secret.touch(mode=0o644)
    us = f"x:{os.getuid()}:{os.getgid()}"  # whoever runs the test plays both owners
    (tmp_path / "etc/passwd").write_text(f"root:{us}::/:/bin/sh\ncounter-agent:{us}::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text(f"root:x:{os.getgid()}:\ncounter-agent:x:{os.getgid()}:\n")
    say("systemd-tmpfiles", f"--root={tmp_path}", "--create", UNITS / "counter-agent.tmpfiles")
    assert oct((tmp_path / "etc/counter-agent").stat().st_mode)[-4:] == "0750"
    assert {oct(secret.stat().st_mode)[-4:] for secret in secrets} == {"0640"}
