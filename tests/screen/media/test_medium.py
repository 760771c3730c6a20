"""Media: names as people may be shown them, and a reason in words for whatever is refused."""

import os

import pytest

from agent.language import language, languages
from agent.screen.media.medium import Refusal, Refusals, shown_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\u0306\u0309ng.png", "ẳng.png"),
        ("một\nhai\x1b[31m.png", "một�hai�[31m.png"),
        ("gnp.\u202eexe", "gnp.�exe"),
        (os.fsdecode(b"\xff\xfe.png"), "��.png"),
        ("🎉 lễ.mp4", "🎉 lễ.mp4"),
    ],
)
def test_a_name_is_told_as_people_can_read_it(name: str, shown: str) -> None:
    assert shown_name(name) == shown
    assert shown_name(name).encode()


def test_a_name_without_end_is_told_by_its_beginning_and_its_end() -> None:
    shown = shown_name("x" * 240 + ".mp4")
    assert len(shown) < 96
    assert shown.endswith("xx.mp4")


def test_refusals_are_told_by_source() -> None:
    refusals = Refusals()
    one, two = Refusal("a.png", "broken"), Refusal("b.mp4", "codec")
    refusals.tell("folder", [one])
    refusals.tell("province", [two])
    assert refusals.all() == (one, two)
    refusals.tell("folder", [])
    assert refusals.all() == (two,)


REASONS = {
    *("bytes", "empty", "office", "heic", "room", "unknown", "unreadable"),
    *("bitrate", "codec", "container", "interlaced", "length", "level", "no_video", "profile", "rate", "short", "size"),
    *("broken", "crashed", "hung", "locked", "memory", "pages", "pixels"),
}


@pytest.mark.parametrize("code", languages())
def test_every_reason_and_every_remedy_has_words(code: str) -> None:
    words, values = language(code), {"limit": 50, "seen": 60, "error": "EIO", "how": "SIGSEGV"}
    for reason in REASONS:
        assert words.text(f"screen.refused.{reason}", **values)
        assert words.text(f"screen.remedy.{reason}")
    told = {key.rpartition(".")[2] for key in words.keys() if key.startswith("screen.refused.")}  # noqa: SIM118
    assert told == REASONS
