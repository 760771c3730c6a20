"""Scenes a counter's camera may look at, and what may happen to its picture: by people, and by the day.

A scene gives grey pictures that are larger than the view, so that a camera that was moved shows something new.
Everything is drawn from the random numbers that are handed in: the same seed, the same pictures.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera.room import Room

Grey = NDArray[Any]
Scene = Callable[[int], Grey]
"""The picture of one moment, `WIDE` x `TALL`."""
Dice = np.random.Generator

WIDE, TALL = 768, 576
WIDTH, HEIGHT = 640, 480
LEFT, TOP = (WIDE - WIDTH) // 2, (TALL - HEIGHT) // 2


def room() -> Scene:
    """The counter that the simulated camera draws."""
    drawn = Room(WIDE, TALL)
    return lambda moment: cv2.cvtColor(drawn.draw(2.0 * moment, moment), cv2.COLOR_BGR2GRAY).astype(np.uint8)


def street(clip: Path) -> Scene:
    """People in a street: real pictures."""
    with av.open(str(clip)) as film:
        pictures = [frame.to_ndarray(format="gray") for frame in film.decode(video=0)][::3]
    return lambda moment: pictures[moment % len(pictures)]


def archive(seed: int = 7) -> Scene:
    """A room full of paper: shelves of files, a veined floor, posters, people who stand about. Texture everywhere."""
    dice = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(dice.normal(size=(TALL, WIDE)))
    distance = np.hypot(*np.meshgrid(np.fft.rfftfreq(WIDE), np.fft.fftfreq(TALL)))
    marble = np.fft.irfft2(spectrum / np.maximum(distance, 1e-3) ** 1.4, (TALL, WIDE))
    still = 105 + 22 * marble / marble.std()
    for shelf in range(5):
        top, left = 30 + 66 * shelf, 0
        while left < 470:
            width = int(dice.integers(9, 30))
            still[top : top + int(dice.integers(44, 60)), left : left + width - 2] = dice.uniform(30, 215)
            left += width
        still[top + 60 : top + 64, :470] = 45
    for _ in range(14):
        x, y = int(dice.integers(500, 720)), int(dice.integers(20, 330))
        cv2.rectangle(still, (x, y), (x + int(dice.integers(20, 60)), y + 40), float(dice.uniform(40, 225)), -1)
    still = cv2.GaussianBlur(still, (0, 0), 0.8)

    grain = dice.normal(0, 2.5, (4, TALL, WIDE)).astype(np.float32)
    still = still.astype(np.float32)

    def draw(moment: int) -> Grey:
        picture = still.copy()
        for person in range(2):
            walk = np.random.default_rng((seed, person, moment // 8))
            x, y = int(walk.integers(100, 700)), int(walk.integers(330, 430))
            cv2.ellipse(picture, (x, y + 110), (55, 110), 0, 0, 360, 70.0 + 60 * person, -1)
            cv2.circle(picture, (x, y - 15), 27, 165.0, -1)
        return _clipped(picture + grain[moment % len(grain)])

    return draw


def view(scene: Scene, moment: int, dx: int = 0, dy: int = 0) -> Grey:
    """What the camera sees of *scene*, turned by so many pixels."""
    return scene(moment)[TOP + dy : TOP + dy + HEIGHT, LEFT + dx : LEFT + dx + WIDTH]


def _clipped(picture: Grey) -> Grey:
    clipped: Grey = np.clip(picture, 0, 255).astype(np.uint8)
    return clipped


# -- what people do to a camera -----------------------------------------------------------------------------------


def covered(scene: Scene, moment: int, dice: Dice) -> Grey:
    """Something soft and close before most or all of the lens, from one side."""
    cloth = cv2.GaussianBlur(dice.normal(0, 60, (HEIGHT, WIDTH)), (0, 0), 15) + dice.uniform(20, 170)
    share, side = dice.uniform(0.75, 1.0), int(dice.integers(4))
    picture = np.rot90(view(scene, moment), side).copy()
    edge = int(picture.shape[0] * share)
    picture[:edge] = _clipped(np.rot90(cloth, side)[:edge])
    return np.rot90(picture, -side).copy()


def sprayed(scene: Scene, moment: int, dice: Dice) -> Grey:
    """A film of paint that lets little through."""
    film = dice.uniform(0.75, 0.95)
    return _clipped(view(scene, moment) * (1 - film) + dice.uniform(90, 190) * film)


def defocused(scene: Scene, moment: int, dice: Dice) -> Grey:
    return cv2.GaussianBlur(view(scene, moment), (0, 0), dice.uniform(4, 9)).astype(np.uint8)


def moved(scene: Scene, moment: int, dice: Dice) -> Grey:
    dx = int(dice.choice([-1, 1]) * dice.integers(24, LEFT + 1))
    return view(scene, moment, dx, int(dice.integers(-40, 41)))


def black(scene: Scene, moment: int, dice: Dice) -> Grey:
    return _clipped(dice.normal(18, 2.5, (HEIGHT, WIDTH)))


# -- what a day does ----------------------------------------------------------------------------------------------


def plain(scene: Scene, moment: int, dice: Dice) -> Grey:
    return view(scene, moment)


def lit(scene: Scene, moment: int, dice: Dice) -> Grey:
    """The sun, a cloud, a lamp: brighter or darker, not the same everywhere."""
    slope = np.linspace(1 - dice.uniform(0, 0.25), 1, WIDTH)
    slope = slope[:: int(dice.choice([-1, 1]))]
    return _clipped(view(scene, moment) * dice.uniform(0.4, 1.6) * slope)


def noisy(scene: Scene, moment: int, dice: Dice) -> Grey:
    return _clipped(view(scene, moment) + dice.normal(0, 14, (HEIGHT, WIDTH)))


def shaken(scene: Scene, moment: int, dice: Dice) -> Grey:
    return view(scene, moment, int(dice.integers(-4, 5)), int(dice.integers(-4, 5)))


def near_person(scene: Scene, moment: int, dice: Dice) -> Grey:
    """Somebody who stands before the lens: two fifths of the picture at most, in a shirt with folds."""
    picture = view(scene, moment).astype(np.float64)
    x, half = int(dice.integers(100, WIDTH - 100)), int(dice.integers(70, 110))
    body = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(body, (x, HEIGHT), (half, 300), 0, 0, 360, 1, -1)
    cv2.circle(body, (x, 120), 55, 1, -1)
    folds = dice.uniform(50, 190) + 14 * np.sin(np.arange(WIDTH) / dice.uniform(6, 14))
    return _clipped(np.where(body, folds, picture))


def night(scene: Scene, moment: int, dice: Dice) -> Grey:
    """The lamps are out: a sixteenth of the light, and the sensor's noise."""
    return _clipped(16 + view(scene, moment) * dice.uniform(0.05, 0.08) + dice.normal(0, 1.5, (HEIGHT, WIDTH)))


TAMPERED = {each.__name__: each for each in (covered, sprayed, defocused, moved, black)}
HARMLESS = {each.__name__: each for each in (plain, lit, noisy, shaken, near_person, night)}


def day(scene: Scene, dice: Dice, *, samples: int) -> Iterator[Grey]:
    """Light that changes all day: slow clouds, lamps on and off, people before the lens, dusk at its end."""
    cloud, lamp, person = 1.0, 1.0, 0
    for moment in range(samples):
        cloud = float(np.clip(cloud + dice.normal(0, 0.02), 0.55, 1.35))
        if dice.random() < 1 / 300:
            lamp = float(dice.uniform(0.6, 1.2))
        if person == 0 and dice.random() < 1 / 60:
            person = int(dice.integers(3, 30))
        dusk = min(1.0, max(0.06, (samples - moment) / (0.1 * samples)))
        close = np.random.default_rng(moment // 5)
        picture = near_person(scene, moment, close) if person else view(scene, moment)
        person = max(0, person - 1)
        yield _clipped(picture * (cloud * lamp * dusk) + dice.normal(0, 2) + 10)
