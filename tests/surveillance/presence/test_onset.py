"""When somebody came, found from key frames and one group of pictures, is when it is found by looking at every picture.

Three scenes whose truth is known: the simulated camera, whose script says it; a drawn hall, whose drawing says from
which picture on enough of a person is in it; and people in a real street, where every picture is decoded. Key frames
are two seconds apart in all of them. COUNTER_AGENT_ONSET_S is for how long each is watched (the street lasts 79 s).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple, cast

import av
import cv2
import numpy as np

from agent.surveillance.decode import KeyframeCheck, pictures
from agent.surveillance.luma import COLUMNS, ROWS, Luma, brightness, shrunk
from agent.surveillance.polygon import Polygon
from agent.surveillance.presence.doorway import Doorway
from agent.surveillance.presence.ground import BEGINNING_S, LEAST, LEAST_PX, Ground
from agent.surveillance.presence.onset import FLICKER_S, Behind, dated
from agent.surveillance.presence.presence import LEAVE_S, Change, Turn
from agent.surveillance.ring import Ring
from drivers.base import Codec, Packet
from drivers.camera.sim import SimCamera
from tests.clip import WHAT, found_clip, unpacked
from tests.conftest import require
from tests.surveillance.presence.test_doorway import LEFT
from tests.surveillance.scenes import Grey

SECONDS = float(os.environ.get("COUNTER_AGENT_ONSET_S", "45"))
FPS = 10
GOP_S = 2.0
SURE_S = 2 * GOP_S
"""Who is there for so long is in two key frames, whenever he came."""
NEAR_S = 0.25
Figure = Callable[[str, object], None]


class Film(NamedTuple):
    codec: Codec
    packets: Sequence[Packet]


def arrivals(film: Film, area: Polygon | None, ground: bytes = b"") -> list[Change]:
    """What is told of who came, by the path that a camera's child takes."""
    told: list[Change] = []
    doorway = Doorway(lambda *_: None, lambda change, lead: told.append(dated(change, lead)), area=area, ground=ground)
    ring, check = Ring(), KeyframeCheck(film.codec)
    behind = Behind(lambda: film.codec, ring.groups)
    for packet in film.packets:
        if packet.is_keyframe:
            frame = check.picture(packet)
            assert frame is not None
            doorway.see(shrunk(brightness(frame)), packet.at_monotonic, behind)
        ring.add(packet)
    return [change for change in told if change.turn is Turn.CAME and change.is_seen]


def encoded(drawn: Iterator[Luma], height: int, width: int) -> Film:
    """Pictures as an IP camera sends them."""
    coder = av.CodecContext.create("libx264", "w")
    coder.width, coder.height, coder.pix_fmt = width, height, "yuv420p"
    coder.framerate, coder.time_base = Fraction(FPS), Fraction(1, FPS)
    coder.gop_size, coder.thread_count = int(GOP_S * FPS), 1
    coder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    packets = []
    for number, picture in enumerate(drawn):
        frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        (packet,) = coder.encode(frame)
        packets.append(Packet(packet, packet.size, packet.is_keyframe, number / FPS))
    return Film(Codec("h264"), packets)


def compare(told: Sequence[Change], truth: Sequence[float], name: str, figure: Figure) -> None:
    """Each of *truth* was told, nothing else was, and when it was."""
    assert len(told) == len(truth), ([change.at for change in told], truth)
    errors = [abs(change.at - at) for change, at in zip(told, truth, strict=True)]
    report(errors, name, figure)


def report(errors: Sequence[float], name: str, figure: Figure) -> None:
    worst, middle = max(errors), float(np.median(errors))
    figure(f"figure: onset, {name}", f"{len(errors)} arrivals, error {middle:.2f} s, at most {worst:.2f} s")
    assert worst <= NEAR_S + 1e-6


def instants(dice: np.random.Generator, first_s: float) -> Iterator[tuple[float, float]]:
    """When somebody comes and goes, in whole pictures: anywhere between two key frames."""
    at = first_s
    while True:
        came = at + round(float(dice.uniform(0, GOP_S)), 1)
        left = came + round(float(dice.uniform(SURE_S + 1, SURE_S + 5)), 1)
        if left + LEAVE_S > SECONDS:
            return
        yield round(came, 1), round(left, 1)
        at = left + LEAVE_S + GOP_S


# -- the simulated camera ------------------------------------------------------------------------------------------


def test_the_simulated_citizen_comes_when_the_script_says(record_property: Figure) -> None:
    visits = list(instants(np.random.default_rng(2), 11.0))
    script = [(0.0, "empty")] + [entry for came, left in visits for entry in ((came, "sit"), (left, "empty"))]
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    options = SimCamera.Options.model_validate(
        {"width": 320, "height": 180, "fps": FPS, "script": [{"after_s": at, "do": do} for at, do in script]}
    )
    camera = SimCamera(options, monotonic=lambda: now[0], sleep=sleep)
    camera.open()
    packets = [camera.read() for _ in range(int(SECONDS * FPS))]
    camera.close()
    told = arrivals(Film(Codec("h264"), packets), LEFT)
    compare(told, [came for came, _ in visits], "simulated camera", record_property)


# -- a hall that is drawn ------------------------------------------------------------------------------------------


class Hall:
    """Veined walls, and people who walk into the area; how much of one is in it is known."""

    AREA = ((0.35, 0.2), (0.9, 0.2), (0.9, 1.0), (0.35, 1.0))
    WIDTH, HEIGHT = 320, 180

    def __init__(self, dice: np.random.Generator) -> None:
        veins = cv2.GaussianBlur(dice.normal(0, 60, (self.HEIGHT, self.WIDTH)).astype(np.float32), (0, 0), 3)
        self._still = np.clip(120 + 2 * veins, 30, 220).astype(np.float32)
        self._grain = dice.normal(0, 2, (4, self.HEIGHT, self.WIDTH)).astype(np.float32)
        self._area = np.zeros((self.HEIGHT, self.WIDTH), np.uint8)
        corners = [[round(x * self.WIDTH), round(y * self.HEIGHT)] for x, y in self.AREA]
        cv2.fillPoly(self._area, [np.array(corners, np.int32)], 1)
        scale = (self.WIDTH / COLUMNS) * (self.HEIGHT / ROWS)
        self._least_px = max(LEAST_PX * scale, LEAST * float(self._area.sum()))

    def person(self, seconds: float) -> Grey:
        """Where somebody is who walks in for two seconds, and stands."""
        body = np.zeros((self.HEIGHT, self.WIDTH), np.uint8)
        x = round(-25 + 95 * min(seconds, 2.0) + 2 * np.sin(5 * seconds))
        cv2.ellipse(body, (x, 150), (19, 55), 0, 0, 360, 1, -1)
        cv2.circle(body, (x, 83), 12, 1, -1)
        return body

    def is_in(self, seconds: float) -> bool:
        """Whether as much of him as makes somebody is in the area."""
        return float((self.person(seconds) * self._area).sum()) >= self._least_px

    def draw(self, number: int, inside_s: float | None, shade: float) -> Luma:
        picture = self._still + self._grain[number % 4]
        if inside_s is not None:
            picture = np.where(self.person(inside_s) > 0, shade + self._grain[number % 4], picture)
        return np.asarray(np.clip(picture, 0, 255), np.uint8)


def test_who_walks_into_a_drawn_hall_came_when_enough_of_him_was_in_it(record_property: Figure) -> None:
    dice = np.random.default_rng(9)
    hall, visits = Hall(dice), list(instants(dice, 11.0))

    def drawn() -> Iterator[Luma]:
        for number in range(int(SECONDS * FPS)):
            at = number / FPS
            inside = [(n, at - came) for n, (came, left) in enumerate(visits) if came <= at < left]
            who, inside_s = inside[0] if inside else (0, None)
            yield hall.draw(number, inside_s, (40.0, 205.0, 160.0)[who % 3])

    steps = [n / FPS for n in range(30)]
    enters_s = next(step for step in steps if hall.is_in(step))
    told = arrivals(encoded(drawn(), Hall.HEIGHT, Hall.WIDTH), Hall.AREA)
    compare(told, [came + enters_s for came, _ in visits], "drawn hall", record_property)


# -- a street ------------------------------------------------------------------------------------------------------

IS_LONG = SECONDS > 60
STREET_S = SECONDS if IS_LONG else 26.0
PLACES = [(row, column) for row in range(3) for column in range(6)] if IS_LONG else [(0, 3), (0, 4), (0, 5)]
"""Parts of the picture, each of which is somebody's doorway."""


def test_who_comes_in_a_street_came_when_every_picture_says_so(tmp_path: Path, record_property: Figure) -> None:
    """And whoever every picture shows for long, after nobody was there for long, was told."""
    film = street(tmp_path)
    every = [shrunk(brightness(moment.frame)).copy() for moment in pictures(film.codec, film.packets)]
    ground, errors = empty(every), []
    for row, column in PLACES:
        left, right, top, bottom = column / 6, (column + 1) / 6, row / 4 + 0.15, row / 4 + 0.45
        area = ((left, top), (right, top), (right, bottom), (left, bottom))
        told = [change.at for change in arrivals(film, area, ground)]
        watch = Ground.known(ground, area)
        there = list(stays((n / FPS, watch.see(luma, n / FPS)) for n, luma in enumerate(every)))
        for began in sure(there):
            assert any(abs(at - began) <= NEAR_S for at in told), (row, column, began, told)
        errors += [min(abs(at - began) for began, _ in there) for at in told]
    report(errors, "street", record_property)


def street(folder: Path) -> Film:
    """Real people, as a camera sends them."""
    found = found_clip()
    require(found, WHAT)
    with av.open(str(unpacked(cast("Path", found), folder))) as original:
        frames = islice(original.decode(original.streams.video[0]), int(STREET_S * FPS))
        return encoded((shrunk(brightness(frame)) for frame in frames), 288, 384)


def empty(every: Sequence[Luma]) -> bytes:
    """What is in most of the pictures."""
    ground = Ground()
    ground.see(np.median(np.stack(every[::5]), axis=0).astype(np.uint8), 0.0)
    ground._known_s = BEGINNING_S
    return ground.picture


def stays(sizes: Iterable[tuple[float, float | None]]) -> Iterator[tuple[float, float]]:
    """From when to when somebody was there; who is not recognised for a moment stays."""
    began: float | None = None
    seen_at = 0.0
    for at, size in sizes:
        if size is not None and size >= 1:
            began, seen_at = at if began is None else began, at
        elif began is not None and at - seen_at > FLICKER_S:
            yield began, seen_at
            began = None
    if began is not None:
        yield began, seen_at


def sure(there: Sequence[tuple[float, float]]) -> Iterator[float]:
    """The beginnings that nobody can miss: long after the last one left, or never came, and for long."""
    for (_, left), (began, ended) in pairwise([(0.0, 0.0), *there]):
        if began - left > LEAVE_S + GOP_S and ended - began >= SURE_S:
            yield began
