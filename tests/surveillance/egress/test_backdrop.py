"""The learned place: what stands still long enough, never who sits and waits."""

from pathlib import Path

import numpy as np
import pytest

from agent.surveillance.egress.backdrop import ABSORB_S, LEARN_S, LONGEST_GAP_S, SIZE, Backdrop, Mask, Picture
from agent.surveillance.kept import forget_others

EVERY_S = LONGEST_GAP_S
GRAIN = [np.random.default_rng(seed).normal(0, 2, (SIZE[1], SIZE[0], 3)) for seed in range(4)]
"""The sensor's, a little different each time."""


def place(light: float = 1.0, turn: int = 0) -> Picture:
    """An empty counter with the sensor's grain."""
    picture = np.full((SIZE[1], SIZE[0], 3), (170, 180, 175), np.float64)
    picture[120:] = (60, 96, 140)
    picture[20:60, 200:300] = (220, 215, 210)
    return np.clip(light * picture + GRAIN[turn % len(GRAIN)], 0, 255).astype(np.uint8)


def with_visitor(picture: Picture, x: int = 100) -> Picture:
    picture[70:150, x : x + 40] = (90, 60, 40)
    return picture


def learned() -> tuple[Backdrop, float]:
    """A backdrop that knows the empty counter, and when it last looked."""
    backdrop = Backdrop()
    return backdrop, watch(backdrop, 0.0, LEARN_S + EVERY_S)


def watch(backdrop: Backdrop, since: float, seconds: float, *, visitor: bool = False, light: float = 1.0) -> float:
    """Show it the counter for so long; when that was over."""
    pictures = [place(light, turn) for turn in range(len(GRAIN))]
    shown = [with_visitor(picture) for picture in pictures] if visitor else pictures
    for turn, at in enumerate(np.arange(since, since + seconds + 1, EVERY_S)):
        backdrop.see(shown[turn % len(shown)], float(at))
    return since + seconds


def foreign(backdrop: Backdrop, picture: Picture) -> Mask:
    mask = backdrop.foreign(picture)
    assert mask is not None
    return mask


def test_nothing_is_known_before_a_quarter_of_an_hour_of_stillness() -> None:
    backdrop = Backdrop()
    assert backdrop.foreign(place()) is None
    watch(backdrop, 0.0, LEARN_S - EVERY_S)
    assert backdrop.foreign(place()) is None
    watch(backdrop, LEARN_S, EVERY_S)
    assert not foreign(backdrop, place()).any()


def test_who_comes_is_foreign_and_the_place_around_is_not() -> None:
    backdrop, _ = learned()
    mask = foreign(backdrop, with_visitor(place()))
    assert mask[70:150, 100:140].all()
    assert not mask[:60].any()
    assert not mask[:, 160:].any()


def test_who_sits_still_for_hours_stays_foreign() -> None:
    backdrop, at = learned()
    watch(backdrop, at, 4 * 3600, visitor=True)
    assert foreign(backdrop, with_visitor(place()))[70:150, 100:140].all()


def test_what_stands_there_for_a_working_day_becomes_the_place() -> None:
    backdrop, at = learned()
    watch(backdrop, at, ABSORB_S + 2 * EVERY_S, visitor=True)
    assert not foreign(backdrop, with_visitor(place())).any()


def test_who_moved_while_the_place_was_learned_is_foreign_there_until_it_is_seen_empty() -> None:
    backdrop = Backdrop()
    for number in range(int(LEARN_S / EVERY_S) + 2):
        backdrop.see(with_visitor(place(), 60 + 10 * (number % 9)), number * EVERY_S)
    mask = foreign(backdrop, place())
    assert mask[100, 60:180].all()
    assert not mask[:60].any()


def test_stillness_that_nobody_saw_does_not_count() -> None:
    backdrop = Backdrop()
    backdrop.see(place(), 0.0)
    for number in range(1, 12):
        backdrop.see(place(), number * (LONGEST_GAP_S + 30))
    assert backdrop.foreign(place()) is None


def test_daylight_that_comes_and_goes_is_not_foreign() -> None:
    backdrop, at = learned()
    for light in np.linspace(1.0, 0.7, 40):
        at = watch(backdrop, at, EVERY_S, light=float(light))
        assert foreign(backdrop, place(float(light))).mean() < 0.01


def test_a_visitor_is_foreign_in_another_light_too() -> None:
    backdrop, _ = learned()
    mask = foreign(backdrop, with_visitor(place(0.8)))
    assert mask[70:150, 100:140].all()
    assert mask.mean() < 0.2


@pytest.mark.parametrize("light", [0.02, 0.3])
def test_in_the_dark_nobody_can_say_and_nothing_is_forgotten(light: float) -> None:
    backdrop, at = learned()
    at = watch(backdrop, at, 10 * 3600, light=light)
    assert backdrop.foreign(place(light)) is None
    assert not foreign(backdrop, place()).any()


def test_another_place_is_foreign_altogether() -> None:
    backdrop, _ = learned()
    assert backdrop.foreign(np.flipud(place()).copy()) is None


@pytest.mark.parametrize("size", [(1, 1), (90, 160), (576, 768), (1080, 1920)])
def test_pictures_of_any_size_are_taken(size: tuple[int, int]) -> None:
    backdrop, _ = learned()
    picture = np.full((*size, 3), 128, np.uint8)
    backdrop.see(picture, 1e6)
    mask = backdrop.foreign(picture)
    assert mask is None or mask.mean() > 0.2


def test_what_was_learned_outlives_a_restart_and_who_stands_there_is_still_foreign(tmp_path: Path) -> None:
    file = tmp_path / "views" / "quay.backdrop"
    backdrop = Backdrop(file)
    watch(backdrop, 0.0, LEARN_S + EVERY_S)
    again = Backdrop(file)
    assert not foreign(again, place()).any()
    assert foreign(again, with_visitor(place()))[70:150, 100:140].mean() > 0.9
    watch(again, 0.0, 2 * LEARN_S, visitor=True)
    assert foreign(again, with_visitor(place()))[70:150, 100:140].mean() > 0.9
    again.forget()
    assert foreign_or_unknown(again, place())


def foreign_or_unknown(backdrop: Backdrop, picture: Picture) -> bool:
    mask = backdrop.foreign(picture)
    return mask is None or bool(mask.all())


@pytest.mark.parametrize("damage", [b"", b"x" * 1000, None])
def test_a_file_that_is_none_or_cannot_be_written_costs_a_quarter_of_an_hour(
    tmp_path: Path, damage: bytes | None
) -> None:
    file = tmp_path / "quay.backdrop"
    if damage is None:
        (tmp_path / "way").write_text("in the")
        file = tmp_path / "way" / "quay.backdrop"
    else:
        file.write_bytes(damage)
    backdrop = Backdrop(file)
    assert foreign_or_unknown(backdrop, place())
    watch(backdrop, 0.0, LEARN_S + EVERY_S)
    assert not foreign(backdrop, place()).any()


def test_the_card_is_written_when_more_is_known_and_once_an_hour(tmp_path: Path) -> None:
    file = tmp_path / "quay.backdrop"
    backdrop = Backdrop(file)
    until = watch(backdrop, 0.0, LEARN_S + EVERY_S)
    assert file.exists()
    file.unlink()
    until = watch(backdrop, until, 3000)
    assert not file.exists()
    watch(backdrop, until, 700)
    assert file.exists()


def test_what_is_to_be_learned_anew_is_not_on_the_card_any_more(tmp_path: Path) -> None:
    file = tmp_path / "views" / "quay.backdrop"
    backdrop = Backdrop(file)
    watch(backdrop, 0.0, LEARN_S + EVERY_S)
    assert file.exists()
    backdrop.forget()
    assert not file.exists()
    assert Backdrop(file).foreign(place()) is None
    watch(backdrop, LEARN_S + 2 * EVERY_S, LEARN_S + EVERY_S)
    assert file.exists(), "and the place is kept again once it is known again"


def test_what_cameras_learned_that_are_no_more_is_deleted(tmp_path: Path) -> None:
    forget_others(tmp_path / "none", [])
    for name in ("quay.view", "quay.ground", "door.1.view", "door.1.backdrop", "yard.backdrop", "yard.txt"):
        (tmp_path / name).write_bytes(b"learned")
    forget_others(tmp_path, ["quay", "door.1"])
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("door.1.backdrop", "door.1.view", "quay.ground", "quay.view", "yard.txt"),
    ]
