"""The province's side of content: keys, sets, and handing them down over a real broker."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.__main__ import cli
from agent.errors import CounterAgentError
from agent.screen.content.manifest import Word, public_key, read_word
from tests.broker import Broker
from tests.eventually import eventually
from tests.screen.pictures import plain
from tests.story.counter import Ear

BASE = "https://media.nghean.example/content"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli, ["province", "content", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def key(tmp_path: Path) -> Path:
    run("key", tmp_path / "content.key")
    return tmp_path / "content.key"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tết"
    folder.mkdir()
    (folder / "b.jpg").write_bytes(plain((0, 0, 128), kind="JPEG"))
    (folder / "A.png").write_bytes(plain((0, 128, 0)))
    return folder


def make(folder: Path, key: Path, *more: object) -> tuple[Path, Word]:
    out = folder.parent / "out"
    run("make", folder, "--base", BASE, "--key", key, "--out", out, *more)
    payload = (out / "manifest.json").read_bytes()
    return out, read_word(payload, key=public_key(Path(f"{key}.pub")), hosts=["media.nghean.example"])


def test_the_private_key_is_the_provinces_alone_and_is_never_overwritten(key: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    with pytest.raises(CounterAgentError, match=r"content\.key"):
        run("key", key)
    assert key.read_bytes() == before


def test_a_folder_of_files_becomes_a_set_that_counters_believe(folder: Path, key: Path) -> None:
    out, word = make(folder, key, "--name", "tet-2027")
    assert word.manifest.set == "tet-2027"
    assert [item.file for item in word.manifest.items] == ["A.png", "b.jpg"]
    for item in word.manifest.items:
        assert item.sha256 is not None
        data = (out / item.sha256).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (item.sha256, item.bytes)
    assert sorted(file.name for file in out.iterdir()) == sorted(
        ["manifest.json", *(str(item.sha256) for item in word.manifest.items)]
    )


def test_a_list_says_what_plays_and_when(folder: Path, key: Path) -> None:
    (folder / "content.yaml").write_text(
        "valid_until: 2027-02-28\n"
        "items:\n"
        "  - {file: b.jpg, weight: 3, layout: full, from: 2027-01-20, days: [mon-fri], hours: ['07:00-11:30']}\n"
        "  - notice: {title: Nghỉ Tết, lines: [Từ 04/02]}\n"
    )
    _, word = make(folder, key, "--version", 7)
    item, notice = word.manifest.items
    assert (word.manifest.version, str(word.manifest.valid_until)) == (7, "2027-02-28")
    assert (item.file, item.weight, item.layout, str(item.first), item.hours) == (
        "b.jpg",
        3,
        "full",
        "2027-01-20",
        ("07:00-11:30",),
    )
    assert notice.notice is not None


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("items:\n  - {file: c.jpg}\n", "no file c.jpg"),
        ("items:\n  - {file: ../content.key}\n", "path"),
        ("items:\n  - {file: b.jpg, wieght: 2}\n", "wieght"),
        ("- b.jpg\n", "items"),
        ("items: [\n", "content.yaml"),
        ("extra: 1\nitems:\n  - {file: b.jpg}\n", "extra"),
    ],
)
def test_a_list_that_counters_would_refuse_is_refused_here(folder: Path, key: Path, listed: str, said: str) -> None:
    (folder / "content.yaml").write_text(listed)
    with pytest.raises(CounterAgentError, match=said):
        make(folder, key)


def test_a_file_that_no_screen_shows_is_refused_here(folder: Path, key: Path) -> None:
    (folder / "letter.docx").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(CounterAgentError, match=r"letter\.docx"):
        make(folder, key)


def test_the_version_rises_by_itself(folder: Path, key: Path) -> None:
    _, word = make(folder, key)
    assert word.manifest.version > 1_700_000_000


def test_a_set_is_handed_down_to_one_counter_or_to_all_and_stays_there(
    folder: Path, key: Path, mosquitto: Broker
) -> None:
    out, word = make(folder, key)
    for to in ((), ("--to", "na-0123")):
        run("publish", "--province", "40", "--broker", mosquitto.url, *to, out / "manifest.json")
    with Ear(mosquitto.port).open("motcua/#") as ear:
        eventually(lambda: len(ear.messages) == 2)
        assert sorted(topic for topic, _, _ in ear.messages) == [
            "motcua/v1/40/_all/down/content",
            "motcua/v1/40/na-0123/down/content",
        ]
        assert all(is_retained for _, _, is_retained in ear.messages)
        assert {json.loads(payload)["manifest"] for _, payload, _ in ear.messages} == {word.text}


def test_a_broker_that_is_not_there_is_said(folder: Path, key: Path) -> None:
    out, _ = make(folder, key)
    with pytest.raises(CounterAgentError, match=r"127\.0\.0\.1:9"):
        run("publish", "--province", "40", "--broker", "mqtt://127.0.0.1:9", out / "manifest.json")
