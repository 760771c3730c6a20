"""A file that is replaced is whole at every moment, and what is refused leaves no trace. Power cuts: tests/powercut."""

from pathlib import Path

import pytest

from agent.files import replace_file


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
