"""A stick at the counter: what is good is copied, what is not is told, and a stranger's stick shows nothing."""

import os
import pwd
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

from agent.__main__ import cli
from agent.errors import PersonMustAct
from agent.files import owned
from agent.screen.media import stick as room
from agent.screen.media.stick import carry_in
from tests.screen.pictures import noise, plain
from tests.screen.shelf import develop_here

WORD = "k" * 43
RED, GREEN = plain((200, 0, 0)), plain((0, 200, 0))


class Counter:
    """A stick, the screen's folder, and what the technician reads."""

    def __init__(self, path: Path) -> None:
        self.stick, self.media = path / "stick", path / "media"
        self.ours = self.stick / "Counter-Agent"
        self.ours.mkdir(parents=True)
        self.media.mkdir()
        self.said: list[str] = []

    def carry_in(self, *, key_file: Path | None = None, free: int = 2**50) -> bool:
        return carry_in(
            self.stick, self.media, "vi", say=self.said.append, key_file=key_file, free_bytes=lambda _: free
        )

    def shown(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.media.iterdir()}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "develop", develop_here)


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


def test_what_is_good_is_copied_and_what_is_not_is_told_with_what_to_do(counter: Counter) -> None:
    (counter.ours / "1 áp phích.png").write_bytes(RED)
    (counter.ours / "2 cắt.jpg").write_bytes(noise((600, 400))[:9000])
    (counter.ours / "._áp phích.png").write_bytes(b"litter of a Macintosh")
    (counter.ours / "link.png").symlink_to("/etc/passwd")
    (counter.stick / "private.png").write_bytes(GREEN)
    assert not counter.carry_in()
    assert counter.shown() == {"1 áp phích.png": RED}
    assert counter.said[0] == "✓ 1 áp phích.png: đã chép vào thư mục của màn hình"
    assert counter.said[1].startswith("✗ 2 cắt.jpg: tệp hỏng hoặc chép thiếu\n  Chép lại tệp gốc")
    assert counter.said[2] == "1 tệp dùng được, 1 tệp không chiếu được"
    assert (counter.media / "1 áp phích.png").stat().st_mode & 0o777 == 0o644


def test_a_file_of_the_same_name_is_replaced_and_the_same_file_left_alone(counter: Counter) -> None:
    (counter.ours / "a.png").write_bytes(RED)
    (counter.ours / "b.png").write_bytes(GREEN)
    (counter.media / "a.png").write_bytes(GREEN)
    (counter.media / "b.png").write_bytes(GREEN)
    assert counter.carry_in()
    assert counter.shown() == {"a.png": RED, "b.png": GREEN}
    assert counter.said[:2] == ["✓ a.png: đã thay tệp cũ cùng tên", "✓ b.png: đã có sẵn"]


def test_a_folder_without_ours_is_read_itself(counter: Counter) -> None:
    counter.ours.rmdir()
    (counter.stick / "một\ndòng.png").write_bytes(RED)
    assert counter.carry_in()
    assert counter.shown() == {"một�dòng.png": RED}


def test_with_a_key_only_a_stick_that_holds_it_is_read(counter: Counter, tmp_path: Path) -> None:
    key = tmp_path / "stick.key"
    key.write_text(WORD + "\n")
    (counter.ours / "a.png").write_bytes(RED)
    for shown in (None, "", "k" * 42):
        if shown is not None:
            (counter.ours / "stick.key").write_text(shown)
        with pytest.raises(PersonMustAct, match="USB này không có đúng khóa"):
            counter.carry_in(key_file=key)
    assert counter.shown() == {}
    (counter.ours / "stick.key").write_text(WORD + "\r\n")
    assert counter.carry_in(key_file=key)
    assert counter.shown() == {"a.png": RED}


@pytest.mark.parametrize("key", [None, "", "short"])
def test_a_box_without_a_proper_key_opens_to_no_stick(counter: Counter, key: str | None, tmp_path: Path) -> None:
    (counter.ours / "a.png").write_bytes(RED)
    (counter.ours / "stick.key").write_text(key or "")
    if key is not None:
        (tmp_path / "stick.key").write_text(key)
    with pytest.raises(PersonMustAct, match="khóa"):
        counter.carry_in(key_file=tmp_path / "stick.key")
    assert counter.shown() == {}


def test_without_room_nothing_is_copied(counter: Counter) -> None:
    (counter.ours / "a.png").write_bytes(RED)
    assert not counter.carry_in(free=10)
    assert counter.shown() == {}
    assert "thẻ nhớ gần đầy" in counter.said[0]


def test_what_keeps_it_from_the_work_is_said(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PersonMustAct, match="không có tệp nào"):
        counter.carry_in()
    (counter.ours / "a.png").write_bytes(RED)
    (counter.media / ".import").mkdir()
    with owned(counter.media / ".import"), pytest.raises(PersonMustAct, match="một lần chép khác"):
        counter.carry_in()
    monkeypatch.setattr(room, "MOST_FILES", 0)
    with pytest.raises(PersonMustAct, match="1 tệp, mỗi lần"):
        counter.carry_in()
    (counter.media / ".import").rmdir()
    counter.media.rmdir()
    monkeypatch.undo()
    with pytest.raises(PersonMustAct, match="không có thư mục"):
        counter.carry_in()


def test_the_command_reads_the_screens_folder_from_the_configuration(
    counter: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # here as it is
    (counter.ours / "a.jpg").write_bytes(noise((600, 400))[:9000])
    config = tmp_path / "config.yaml"
    config.write_text(
        "counter: {province: '40', agent: na-0123}\nuplink: {broker: 'mqtt://localhost:1883'}\n"
        f"screen: {{media: {counter.media}}}\n"
    )
    done = CliRunner().invoke(cli, ["media", "import", "--config", str(config), str(counter.stick)])
    assert done.exit_code == 1, done.output
    assert "✗ a.jpg" in done.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_only_opens_the_files() -> None:
    nobody = pwd.getpwnam("nobody")
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        counter = Counter(Path(folder))
        (counter.ours / "a.png").write_bytes(RED)
        (counter.ours / "a.png").chmod(0o600)
        os.chown(counter.media, nobody.pw_uid, nobody.pw_gid)
        done = subprocess.run(
            [sys.executable, "-c", LOOKER, counter.stick, counter.media], capture_output=True, text=True, check=False
        )
        assert done.stdout.splitlines()[0] == f"{nobody.pw_uid} {nobody.pw_gid} [] True", done.stderr


LOOKER = """
import os, sys
from pathlib import Path
from agent.screen.media import stick
from agent.screen.media.develop import Refused

def look(file, folder, *, opened):
    print(os.getuid(), os.getgid(), os.getgroups(), os.read(opened, 4) == b"\\x89PNG")
    raise Refused("", "unknown")

stick.develop = look
stick.carry_in(Path(sys.argv[1]), Path(sys.argv[2]), "vi", say=print, free_bytes=lambda _: 2**50)
"""
"""Looks into a file as whoever it is by then; an interpreter of root's own could not be started by anybody else."""
