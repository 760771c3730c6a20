"""The controls are kept ready: every broken build still fits the source, and every test it names is there."""

from pathlib import Path

import pytest

from tests.controls.builds import BUILDS, ROOT, Build, Replacement, lay_out


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_a_broken_build_fits_the_source_and_is_still_a_program(build: Build, tmp_path: Path) -> None:
    root = lay_out(tmp_path / "copy", build)
    for replacement in build.replacements:
        compile((root / replacement.file).read_bytes(), replacement.file, "exec")


@pytest.mark.parametrize("old", ["import", "stands nowhere"])
def test_a_replacement_that_does_not_fit_exactly_once_is_an_error(tmp_path: Path, old: str) -> None:
    (tmp_path / "file.py").write_text("import os\nimport sys\n")
    with pytest.raises(ValueError, match="times, not once"):
        Replacement("file.py", old, "").apply(tmp_path)


def test_every_test_that_catches_a_build_is_there() -> None:
    for test in {test for build in BUILDS.values() for test in build.caught_by}:
        file, _, name = test.partition("::")
        assert f"\ndef {name}(" in (ROOT / file).read_text(encoding="utf-8"), test
