"""A file that is replaced is whole at every moment, and what is refused leaves no trace. Power cuts: tests/powercut."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agent.files import FolderTaken, owned, replace_file


def test_a_file_is_made_and_replaced_and_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "mark.json"
    for body in (b"old", b"new and longer", b""):
        replace_file(path, body)
        assert path.read_bytes() == body
        assert list(tmp_path.iterdir()) == [path]


def test_a_reader_who_opened_the_old_file_reads_it_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "mark.json"
    replace_file(path, b"old")
    with path.open("rb") as reader:
        replace_file(path, b"new")
        assert reader.read() == b"old"


def test_what_cannot_be_written_leaves_the_file_before_and_no_trace(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    (taken / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=r"taken"):
        replace_file(taken, b"a folder stands in the way")
    assert list(tmp_path.iterdir()) == [taken]
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "nowhere" / "file", b"")


def test_what_a_crash_left_half_written_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".mark.json.new").write_bytes(b"half")
    replace_file(tmp_path / "mark.json", b"whole")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]


OWNER = """
import sys
from pathlib import Path
from agent.files import owned
with owned(Path(sys.argv[1])):
    print(flush=True)
    input()
"""


def test_a_folder_has_one_owner_until_its_process_ends_even_if_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        with pytest.raises(FolderTaken), owned(folder):
            pass
        owner.kill()
    with owned(folder), pytest.raises(FolderTaken), owned(folder):
        pass
    with owned(folder):
        assert list(folder.iterdir()) == []


def test_where_there_can_be_no_folder_nobody_is_kept_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with owned(tmp_path / "file" / "state"):
        assert not (tmp_path / "file").is_dir()


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    replace_file(path, b"old")
    path.chmod(0o640)
    replace_file(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
