"""The package that is installed on a box: what is in it, that it runs, and that the lock covers what it needs."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def run(*command: str | Path, packages: Path | None = None) -> str:
    """Run a command outside the checkout; with *packages*, on what is installed there."""
    found_first = {} if packages is None else {"PYTHONPATH": str(packages)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=os.environ | found_first)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing an earlier build left in the checkout gets in."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    for name in ("agent", "drivers", "tests", "config", "systemd"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    return next(folder.glob("*.whl"))


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_everything_that_lies_beside_the_code(wheel: Path) -> None:
    beside = [
        path.relative_to(ROOT).as_posix()
        for room in ("agent", "drivers")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".part") and "__pycache__" not in path.parts
    ]
    assert sorted(set(beside) - names_in(wheel)) == []


def test_the_wheel_brings_the_units_and_the_examples_along(wheel: Path) -> None:
    shared = {name.partition("/data/share/counter-agent/")[2] for name in names_in(wheel)}
    wanted = {f"systemd/{path.name}" for path in (ROOT / "systemd").iterdir()}
    wanted |= {f"config/{path.name}" for path in (ROOT / "config").glob("*.yaml")}
    assert wanted - shared == set()


def test_the_wheel_holds_nothing_that_a_box_does_not_need(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names_in(wheel)}
    assert {top for top in tops if not re.match(r"counter_agent-.*\.(dist-info|data)$", top)} == {"agent", "drivers"}


def test_the_installed_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    run(*PIP, "install", "--no-deps", "--target", tmp_path, wheel)
    said = run(sys.executable, "-c", "import agent; print(agent.__file__)", packages=tmp_path)
    assert Path(said.strip()).is_relative_to(tmp_path)
    assert "province" in run(sys.executable, "-m", "agent", "--help", packages=tmp_path)
    example = tmp_path / "share/counter-agent/config/counter.example.yaml"
    assert "na-0123" in run(sys.executable, "-m", "agent", "check", "--config", example, packages=tmp_path)


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.txt", ["build", "gpio", "province"]), ("requirements-dev.txt", ["dev"])]
)
def test_the_lock_fits_what_the_package_asks_for(lock: str, extras: list[str]) -> None:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    asked = setup["options"]["install_requires"].splitlines()
    for extra in extras:
        asked += setup["options.extras_require"][extra].splitlines()
    locked: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "config" / lock).read_text(), flags=re.M):
        locked.setdefault(name.replace("_", "-"), []).append(version)
    unfit = {}
    for line in filter(None, asked):
        if line.startswith("%"):
            continue
        need = Requirement(line)
        versions = locked.get(need.name.lower(), [])
        if not versions or not all(need.specifier.contains(version) for version in versions):
            unfit[line] = versions
    assert unfit == {}
