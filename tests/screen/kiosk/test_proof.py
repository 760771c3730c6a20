"""The proof of display: what is believed of one picture, and of several."""

import io
from pathlib import Path

import pytest
from PIL import Image

from agent.errors import TryAgain
from agent.language import language
from agent.screen.code.card import rating_face
from agent.screen.kiosk import proof
from agent.screen.kiosk.proof import EVERY_S, FIRST_S, Eye, Look, compositor_picture, examine, verdict
from agent.screen.kiosk.word import Proof, Wish

CODE, NEXT = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/7K3M9QX2", "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/NEXT0000"
GOOD, NOTHING = Look((CODE,), 0.4), Look((), 0.4)


class Watching:
    """An eye whose time, agent and glass are told what to be."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wish = Wish(code=CODE, revision=7, drawn=7)
        self.glass: Look | None = GOOD
        self.taken = 0
        self.eye = Eye(ask=lambda: self.wish, examine=self._examine, now=lambda: self.now)

    def _examine(self, _: bytes) -> Look:
        self.taken += 1
        if self.glass is None:
            raise TryAgain("dark")
        return self.glass

    def watch(self, seconds: float) -> Proof | None:
        """Let the kiosk's ticks pass."""
        until = self.now + seconds
        while self.now < until:
            self.now += 1
            self.eye.look(self.wish, lambda: b"")
        return self.eye.proof()


def test_a_good_look_is_believed_at_once_and_repeated_after_a_quarter_of_an_hour() -> None:
    watching = Watching()
    proof = watching.watch(FIRST_S + 2)
    assert proof is not None
    assert proof.code == "right"
    assert proof.is_good
    watching.watch(EVERY_S - 10)
    assert watching.taken == 1
    watching.watch(20)
    assert watching.taken == 2


def test_a_bad_look_is_believed_when_it_was_seen_three_times() -> None:
    watching = Watching()
    watching.glass = NOTHING
    assert watching.watch(FIRST_S + 7) is None
    proof = watching.watch(10)
    assert proof is not None
    assert (proof.code, watching.taken) == ("unreadable", 3)


def test_a_fade_is_forgiven() -> None:
    watching = Watching()
    watching.glass = NOTHING
    watching.watch(FIRST_S + 3)
    watching.glass = GOOD
    proof = watching.watch(10)
    assert proof is not None
    assert proof.is_good


def test_a_screen_that_was_bad_is_looked_at_again_within_minutes() -> None:
    watching = Watching()
    watching.glass = NOTHING
    watching.watch(60)
    watching.glass = GOOD
    proof = watching.watch(70)
    assert proof is not None
    assert proof.is_good


def test_a_code_that_appears_is_looked_at_soon() -> None:
    watching = Watching()
    watching.wish = Wish(revision=7, drawn=7)
    proof = watching.watch(30)
    assert proof is not None
    assert proof.code == "none"
    watching.wish = Wish(code=CODE, revision=8, drawn=8)
    proof = watching.watch(30)
    assert proof is not None
    assert proof.code == "right"


def test_a_page_that_draws_the_past_is_stale() -> None:
    watching = Watching()
    watching.wish = Wish(code=CODE, revision=9, drawn=7)
    proof = watching.watch(60)
    assert proof is not None
    assert proof.is_stale


def test_a_picture_that_cannot_be_taken_proves_nothing() -> None:
    watching = Watching()
    watching.glass = None
    assert watching.watch(200) is None
    assert watching.taken > 1


def test_what_was_proved_before_the_panel_went_dark_is_past() -> None:
    watching = Watching()
    watching.watch(60)
    watching.eye.rest()
    assert watching.eye.proof() is None


@pytest.mark.parametrize(
    ("codes", "before", "after", "said"),
    [
        ((CODE,), CODE, CODE, "right"),
        ((NEXT,), CODE, NEXT, "right"),
        (("a poster's", CODE), CODE, CODE, "right"),
        (("a poster's",), CODE, CODE, "wrong"),
        ((), CODE, CODE, "unreadable"),
        ((), None, CODE, "none"),
        ((CODE,), CODE, None, "none"),
    ],
)
def test_the_code_must_be_the_one_that_is_wanted(codes: tuple[str, ...], before: str, after: str, said: str) -> None:
    assert verdict(Look(codes, 0.4), Wish(code=before), Wish(code=after)) == said


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


def test_a_code_is_read_and_a_blank_picture_is_told() -> None:
    card = rating_face(CODE, language("vi")).card.picture(480, 480)
    glass = Image.new("RGB", (1280, 720), "#0a2a5e")
    glass.paste(Image.frombytes("RGB", (480, 480), card), (700, 100))
    seen = examine(png(glass))
    assert seen.codes == (CODE,)
    assert seen.blank < 0.9
    assert examine(png(Image.new("RGB", (1280, 720), "#000000"))) == Look((), 1.0)


def test_what_is_no_picture_is_told_as_such() -> None:
    with pytest.raises(TryAgain):
        examine(b"no picture")


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("printf png", b"png"),
        ("echo compositor doesn\\'t support wlr-screencopy-unstable-v1 >&2; exit 1", None),
    ],
    ids=["a picture", "a compositor that cannot be asked"],
)
def test_the_compositor_is_asked_where_there_is_one(
    script: str, seen: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compositor_picture() is None
    grim(tmp_path, script, monkeypatch)
    assert compositor_picture() == seen


@pytest.mark.parametrize("script", ["echo no wl_output >&2; exit 1", "exec sleep 60"], ids=["no output", "hangs"])
def test_a_television_that_is_unplugged_is_not_proved_by_what_the_browser_draws(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grim(tmp_path, script, monkeypatch)
    monkeypatch.setattr(proof, "GRIM_S", 0.3)
    with pytest.raises(TryAgain, match="no picture of the compositor"):
        compositor_picture()


def grim(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session whose grim is *script*."""
    program = folder / "grim"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
