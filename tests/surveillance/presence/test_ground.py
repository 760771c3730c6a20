"""The empty counter is learned and kept: whoever sits there stays foreign, what was put there becomes the place."""

import time
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import pytest

from agent.surveillance.luma import Luma
from agent.surveillance.presence.ground import ABSORB_S, BEGINNING_S, Ground
from drivers.camera.room import Room
from tests.surveillance.scenes import Grey, archive, lit, near_person, night, noisy, shaken, view

Draw = Callable[[int], Luma]
LEFT = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
"""Where the drawn citizen stands, and not the drawn officer."""
ROOM = Room(640, 360)


def grey(picture: Grey) -> Luma:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


@lru_cache
def _drawn(do: str, n: int) -> Luma:
    return grey(getattr(ROOM, do)(2.0 * n, n))


def empty(n: int) -> Luma:
    return _drawn("empty", n % 12)


def sitting(n: int) -> Luma:
    return _drawn("sitting", n % 12)


def with_chair(n: int) -> Luma:
    picture = empty(n).copy()
    cv2.rectangle(picture, (40, 220), (110, 320), 40, cv2.FILLED)
    return picture


class Watch:
    """A ground that is shown a picture every two seconds, or not so often."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.n = 0
        self.at = 100.0

    def show(self, draw: Draw, seconds: float, *, every_s: float = 2.0) -> list[float | None]:
        sizes = []
        for _ in range(int(seconds // every_s)):
            sizes.append(self.ground.see(draw(self.n), self.at))
            self.n += 1
            self.at += every_s
        return sizes


@pytest.fixture
def known() -> Watch:
    """Somebody looks who has known the empty drawn room for long."""
    watch = Watch(Ground(LEFT))
    watch.show(empty, 40)
    ground = Ground.known(_aged(watch.ground), LEFT)
    return Watch(ground)


def _aged(ground: Ground) -> bytes:
    ground._known_s = BEGINNING_S
    return ground.picture


def is_there(sizes: list[float | None]) -> set[bool]:
    return {size is not None and size >= 1 for size in sizes}


def test_nobody_is_in_the_empty_room_and_the_officer_is_outside_the_area(known: Watch) -> None:
    assert is_there(known.show(empty, 120)) == {False}


def test_who_sits_still_for_ten_minutes_is_still_there_and_the_place_is_known_when_he_leaves(known: Watch) -> None:
    known.show(empty, 20)
    assert is_there(known.show(sitting, 600, every_s=5)) == {True}
    assert is_there(known.show(empty, 60)) == {False}


def test_a_chair_that_was_put_there_is_part_of_the_place_after_half_an_hour(known: Watch) -> None:
    known.show(empty, 300, every_s=5)
    assert is_there(known.show(with_chair, ABSORB_S - 30, every_s=10)) == {True}
    known.show(with_chair, 60)
    assert is_there(known.show(with_chair, 60)) == {False}


def test_who_moves_a_little_never_becomes_part_of_the_place(known: Watch) -> None:
    def fidgeting(n: int) -> Luma:
        return np.roll(sitting(n), 8 * (n // 60 % 2), axis=1)  # every ten minutes, and for the rest like a stone

    known.show(empty, 20)
    assert is_there(known.show(fidgeting, 2 * ABSORB_S, every_s=10)) == {True}


def test_whoever_stood_there_at_the_beginning_is_gone_from_the_ground_soon_after_he_left() -> None:
    watch = Watch(Ground(LEFT))
    watch.show(sitting, 30)
    watch.show(empty, 40)
    assert is_there(watch.show(empty, 60)) == {False}
    assert is_there(watch.show(sitting, 20)) == {True}


def test_a_young_ground_is_not_worth_keeping_and_a_broken_one_is_learned_again() -> None:
    watch = Watch(Ground())
    watch.show(empty, BEGINNING_S - 60, every_s=10)
    assert watch.ground.picture == b""
    watch.show(empty, 120, every_s=10)
    assert len(watch.ground.picture) == 320 * 180
    assert Ground.known(b"\x00" * 7).picture == b""


def test_the_dark_says_nothing(known: Watch) -> None:
    dark = np.full((360, 640), 10, np.uint8)
    assert known.show(lambda _: dark, 20) == [None] * 10


def test_another_light_says_nothing_and_is_soon_the_light_of_the_place(known: Watch) -> None:
    known.show(empty, 20)
    dice = np.random.default_rng(40)
    blotches = cv2.resize(dice.uniform(-70, 70, (6, 10)).astype(np.float32), (640, 360), interpolation=cv2.INTER_CUBIC)

    def in_patches(luma: Luma) -> Luma:
        return np.asarray(np.clip(luma + blotches, 0, 255), np.uint8)

    def lamps(n: int) -> Luma:
        return in_patches(empty(n))

    assert True not in is_there(known.show(lamps, 60)[15:])
    assert is_there(known.show(lambda n: in_patches(sitting(n)), 20)) == {True}


@pytest.mark.parametrize("weather", [lit, noisy, shaken])
def test_light_noise_and_a_shaking_camera_are_nobody_in_a_room_full_of_texture(weather: Callable[..., Grey]) -> None:
    shelves = archive_without_people()
    dice = np.random.default_rng(7)
    watch = Watch(Ground())
    watch.show(lambda n: view(shelves, n).astype(np.uint8), 60)
    sizes = watch.show(lambda n: weather(shelves, n, dice).astype(np.uint8), 240)
    assert sum(size is not None and size >= 1 for size in sizes) <= 0.05 * len(sizes)


def test_somebody_before_shelves_full_of_texture_is_seen() -> None:
    shelves = archive_without_people()
    watch = Watch(Ground())
    watch.show(lambda n: view(shelves, n).astype(np.uint8), 60)
    person = np.random.default_rng(3)
    sizes = watch.show(lambda n: near_person(shelves, n, person).astype(np.uint8), 40)
    assert is_there(sizes) == {True}
    assert watch.show(lambda n: night(shelves, n, person).astype(np.uint8), 4) == [None, None]


@lru_cache
def archive_without_people() -> Callable[[int], Grey]:
    """The shelves; moments in a row in which the drawn people stand where they stand."""
    drawn = [archive()(moment) for moment in range(4)]
    return lambda moment: drawn[moment % 4]


def test_a_key_frame_of_720_lines_costs_about_a_millisecond(record_property: Callable[[str, object], None]) -> None:
    luma = cv2.resize(empty(0), (1280, 720)).astype(np.uint8)
    cv2.setNumThreads(1)
    ground = Ground(LEFT)
    spent = []
    for n in range(60):
        began = time.thread_time()
        ground.see(luma, 2.0 * n)
        spent.append(1000 * (time.thread_time() - began))
    middle = float(np.median(spent))
    record_property("figure: presence, a key frame of 1280x720", f"{middle:.2f} ms")
    assert middle < 4
