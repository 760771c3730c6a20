"""`make controls`: every broken build must be caught by the tests that name it, and the source as it is by none.

Exits 1 if a build survives one of its tests, or if one of them fails on the source as it is.
"""

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from tests.controls.builds import BUILDS, Build, lay_out

PATIENCE_S = 600


def failed(root: Path, tests: Iterable[str]) -> set[str]:
    """Run *tests* in the copy at *root*; those of them of which at least one case failed."""
    report = root / "report.xml"
    options = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", f"--junit-xml={report}"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest could not run {' '.join(tests)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    cases = list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314 - our own report
    unfit = [_name(case) for case in cases if case.find("error") is not None]
    if unfit:
        raise SystemExit(
            f"could not even begin or end, which proves nothing: {', '.join(unfit)}\n{done.stdout[-3000:]}"
        )
    return {_name(case) for case in cases if case.find("failure") is not None} & set(tests)


def _name(case: ET.Element) -> str:
    """The test's id on pytest's command line, without its parameters."""
    return f"{str(case.get('classname')).replace('.', '/')}.py::{str(case.get('name')).partition('[')[0]}"


def main() -> int:
    everything = sorted({test for build in BUILDS.values() for test in build.caught_by})
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="controls-") as scratch:
        began = time.monotonic()
        wrong = failed(lay_out(Path(scratch, "as-it-is"), None), everything)
        print(f"the source as it is: {len(everything)} tests, {len(wrong)} failed, {time.monotonic() - began:.0f} s")
        for test in sorted(wrong):
            print(f"  {test}")
        width = max(map(len, BUILDS))
        print(f"\n{'build':<{width}}  seconds  caught by")
        for build in BUILDS.values():
            survivors += not _control(build, Path(scratch, build.name.replace(" ", "-")), width)
    print(f"\n{len(BUILDS) - survivors} of {len(BUILDS)} broken builds were caught")
    return int(bool(survivors or wrong))


def _control(build: Build, root: Path, width: int) -> bool:
    """Whether every test that names *build* caught it."""
    began = time.monotonic()
    caught = failed(lay_out(root, build), build.caught_by)
    took = f"{time.monotonic() - began:7.0f}"
    for number, test in enumerate(build.caught_by):
        name = test.rpartition("::")[2]
        lead = f"{build.name:<{width}}  {took}" if number == 0 else " " * (width + 9)
        print(f"{lead}  {name if test in caught else f'SURVIVED {name}'}", flush=True)
    return caught == set(build.caught_by)


if __name__ == "__main__":
    sys.exit(main())
