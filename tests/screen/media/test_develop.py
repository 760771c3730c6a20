"""The hold on a darkroom: whatever happens in it, the file is refused and nobody else notices."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from agent.errors import TryAgain
from agent.screen.media import develop as hold
from agent.screen.media.develop import Refused, develop
from agent.screen.media.medium import content_id
from agent.screen.media.sniff import LARGEST_BYTES
from tests.screen.documents import pdf
from tests.screen.films import RIGHT, film
from tests.screen.pictures import encoded, noise, plain

SOURCE = "a" * 32


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def refused(tmp_path: Path, workshop: Path) -> Callable[[bytes], Refused]:
    """How a file with these bytes is refused by a real darkroom."""

    def ask(data: bytes) -> Refused:
        file = tmp_path / "file"
        file.write_bytes(data)
        with pytest.raises(Refused) as refused:
            develop(file, workshop)
        return refused.value

    return ask


def play(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Have a program of these lines in the place of the darkroom; `line` is its line to the parent."""
    begin = "import json, os, signal, socket, sys, time; line = socket.socket(fileno=int(sys.argv[1]))"
    say = f"say = lambda **words: line.sendall(json.dumps(words).encode() + b'\\n'); source = {SOURCE!r}"
    monkeypatch.setattr(hold, "DARKROOM", (sys.executable, "-c", "\n".join((begin, say, *lines))))


def test_a_film_is_developed_in_another_process_which_leaves(tmp_path: Path, workshop: Path) -> None:
    data, turns = film(**RIGHT), []
    (tmp_path / "lễ hội 🎉\n.mp4").write_bytes(data)
    made = develop(tmp_path / "lễ hội 🎉\n.mp4", workshop, turn=lambda: turns.append(1))
    assert made.source == content_id(data)
    assert [file.read_bytes() for file in made.files] == [data]
    assert turns


def test_what_is_known_is_not_decoded(tmp_path: Path, workshop: Path) -> None:
    (tmp_path / "file").write_bytes(plain((1, 2, 3)))

    class KnownError(Exception):
        pass

    def known(source: str, size_bytes: int) -> None:
        assert (source, size_bytes) == (content_id(plain((1, 2, 3))), len(plain((1, 2, 3))))
        raise KnownError

    with pytest.raises(KnownError):
        develop(tmp_path / "file", workshop, known=known)
    assert list(workshop.iterdir()) == [], "not even copied"


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path, workshop: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in (("pipe.png", "unknown"), ("loop", "unreadable"), ("nowhere", "unreadable")):
        with pytest.raises(Refused) as refused:
            develop(tmp_path / name, workshop)
        assert (refused.value.reason, refused.value.source) == (reason, "")


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path: Path, workshop: Path) -> None:
    file = tmp_path / "huge.png"
    file.write_bytes(plain((1, 2, 3)))
    os.truncate(file, LARGEST_BYTES["picture"] + 1)
    with pytest.raises(Refused) as refused:
        develop(file, workshop)
    assert (refused.value.reason, refused.value.values, refused.value.source) == ("bytes", {"limit": 64}, "")


def test_the_same_lie_is_known_again(refused: Callable[[bytes], Refused]) -> None:
    cut = noise((600, 400))[:9000]
    assert (refused(cut).reason, refused(cut).source) == ("broken", content_id(cut))


@pytest.mark.parametrize(
    "data",
    [encoded(Image.new("1", (20000, 20000)), "PNG"), pdf(), b"\x1a\x45\xdf\xa3" + b"\xff" * 5000],
    ids=["a picture bomb", "a document without a page", "a film of nothing"],
)
def test_traps_are_refused(data: bytes, refused: Callable[[bytes], Refused]) -> None:
    assert refused(data).reason in {"pixels", "broken", "locked"}


@pytest.mark.parametrize(
    ("lines", "reason", "values"),
    [
        (["os.kill(os.getpid(), signal.SIGSEGV)"], "crashed", {"how": "SIGSEGV"}),
        (["sys.exit(3)"], "crashed", {"how": "exit 3"}),
        (["line.sendall(b'nonsense\\n')"], "crashed", {"how": "exit 0"}),
        (["line.sendall(b'[]\\n')"], "crashed", {"how": "exit 0"}),
        (["say(made=[{'file': '../../etc/passwd', 'medium': {}}])"], "crashed", {"how": "exit 0"}),
        (["say(made=[])"], "crashed", {"how": "exit 0"}),
        (["line.sendall(b'x' * 10**6)"], "crashed", {}),
        (["time.sleep(60)"], "hung", {}),
    ],
    ids=["crash", "exit", "nonsense", "no word", "a way out", "nothing", "a word without end", "silence"],
)
def test_a_darkroom_that_fails_refuses_its_file(
    lines: list[str], reason: str, values: dict[str, str], workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "SILENCE_S", 1.5)
    play(monkeypatch, "say(source=source, bytes=9)", "assert line.recv(1)", *lines)
    with pytest.raises(Refused) as refused:
        develop(Path("any"), workshop)
    assert (refused.value.source, refused.value.reason) == (SOURCE, reason)
    assert values.items() <= refused.value.values.items()


def test_one_that_never_ends_is_ended_though_it_speaks(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "LONGEST_S", 0.5)
    play(monkeypatch, "while True: say(alive=True); time.sleep(0.05)")
    with pytest.raises(Refused) as refused:
        develop(Path("any"), workshop)
    assert refused.value.reason == "hung"


def test_a_file_that_changes_while_it_is_read_is_not_refused(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, "say(refused='changing', values={})")
    with pytest.raises(TryAgain):
        develop(Path("any"), workshop)


def test_whoever_does_not_want_it_any_more_ends_it(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, "time.sleep(60)")
    began = time.monotonic()

    def turn() -> None:
        if time.monotonic() - began > 0.3:
            raise TryAgain("stopping")

    with pytest.raises(TryAgain):
        develop(Path("any"), workshop, turn=turn)
    assert time.monotonic() - began < 5


def test_a_darkroom_is_small_gentle_and_first_to_go(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = "import resource; from agent.screen.media import darkroom; darkroom._settle()"
    say = (
        "say(refused='unknown', values={'as': resource.getrlimit(resource.RLIMIT_AS)[1], 'nice': os.nice(0),"
        " 'core': resource.getrlimit(resource.RLIMIT_CORE)[1], 'oom': int(open('/proc/self/oom_score_adj').read())})"
    )
    play(monkeypatch, ask, say)
    with pytest.raises(Refused) as refused:
        develop(Path("any"), workshop)
    assert refused.value.values == {"as": 2**30, "nice": 19, "core": 0, "oom": 1000}
