"""What a camera costs the agent, beside what Debian's `motion` asks for the same film.

The film runs in real time, over RTSP from `tests.rtsp` in this process, which is in nobody's account. All take turns.
Counted is the whole tree of processes. Of the agent it is judged what the camera adds, since a rival does nothing else:
the same agent without one is measured in the same turn; the whole is told beside it.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.figures import NotPossible, Row, Size, ratio
from tests.bench.film import film
from tests.bench.memory import NOWHERE, closing_counter
from tests.bench.motion import MISSING, motion, motion_program
from tests.bench.processes import family, load_of, peak_mib, pss_mib
from tests.eventually import eventually
from tests.rtsp import Film, rtsp_camera
from tests.story.counter import Counter

RECORDS, SEES, ALONE = "records", "records and looks", "without a camera"
REACH = {(RECORDS, False): 0.10, (SEES, False): 0.20, (SEES, True): 0.25}
REACH_MIB = 50.0
SETTLE_S = 6.0
"""After it began, by then everything is loaded; less where the whole film is shorter than twice that."""

Loads = dict[str, list[float]]
Camera = dict[str, Any]


def measure(folder: Path, size: Size) -> Iterator[Row]:
    for is_half_idle in (False, True) if size.film_s > 2 * SETTLE_S else (False,):
        scene = "half idle" if is_half_idle else "busy"
        loads: Loads = {}
        memory: dict[str, tuple[float, float]] = {}
        with rtsp_camera(Film.of(film(folder, size.film_s, is_half_idle=is_half_idle))) as device:
            camera = {"driver": "network", "source": device.url}
            for number in range(max(1, size.rounds // 2)):
                here = folder / f"{scene.replace(' ', '-')}-{number}"
                for who in (RECORDS, SEES, ALONE):
                    with _agent(here / who.replace(" ", "-"), who, camera) as pid:
                        _note(loads, who, pid, size)
                        memory[who] = peak_mib(family(pid)[-1]), pss_mib(family(pid)[-1])
                if motion_program() is not None:
                    with motion(here / "motion", device.url) as process:
                        eventually(lambda at=here / "motion": list(at.glob("*.mp4")), within_s=30)  # type: ignore[misc]
                        _note(loads, "motion", process.pid, size)
                        memory["motion"] = peak_mib(process.pid), pss_mib(process.pid)
        for who in (RECORDS, SEES):
            where = f"a camera that {who}: 720p over RTSP, {scene}"
            yield from _rows(where, loads, who, "motion", REACH.get((who, is_half_idle)))
        if not is_half_idle:
            yield from _memory_rows(memory)
    if motion_program() is None:
        raise NotPossible(f"beside motion: {MISSING}")


@contextmanager
def _agent(folder: Path, who: str, camera: Camera) -> Iterator[int]:
    """The process of an agent whose camera, if it has one, is recorded."""
    counter = Counter(folder, NOWHERE)
    video = folder / "video"
    if who != ALONE:
        record = {"path": str(video), "segment_s": 10}
        counter.settings["cameras"] = [camera | {"name": "quay", "record": record, "analyse": who == SEES}]
    with ExitStack() as stack:
        stack.enter_context(closing_counter(counter))
        counter.start()
        if who != ALONE:
            eventually(lambda: list(video.rglob("*.part")), within_s=30)
        yield counter.process.pid


def _note(loads: Loads, who: str, pid: int, size: Size) -> None:
    time.sleep(min(SETTLE_S, size.film_s / 2))
    loads.setdefault(who, []).append(sum(load_of(pid, size.film_s).values()))


def _rows(where: str, loads: Loads, who: str, rival: str, reach: float | None) -> Iterator[Row]:
    camera = [used - alone for used, alone in zip(loads[who], loads[ALONE], strict=True)]
    theirs = loads.get(rival)
    beside = f"{rival} {_percent(theirs)}" if theirs else f"({MISSING})"
    found = ratio(camera, theirs) if theirs and min(camera) > 0 else None
    is_judged = found is not None and reach is not None
    yield Row(
        f"CPU that the agent needs for {where}",
        _percent(camera),
        beside,
        found,
        f"≤ {reach:.2f}" if is_judged else "",
        found.middle <= reach if found is not None and reach is not None else None,
    )
    whole = f"{_percent(loads[who])}, without a camera {_percent(loads[ALONE])}"
    yield Row("— the whole agent with it", whole, beside, ratio(loads[who], theirs) if theirs else None)


def _memory_rows(memory: dict[str, tuple[float, float]]) -> Iterator[Row]:
    beside = f"motion {memory['motion'][0]:.1f} MiB" if "motion" in memory else f"({MISSING})"
    for who in (RECORDS, SEES):
        resident, share = memory[who]
        is_judged = who == RECORDS
        yield Row(
            f"RSS of the process of a camera that {who}, at its highest",
            f"{resident:.1f} MiB; {share:.1f} counting its share of what others use too",
            beside,
            reach=f"≤ {REACH_MIB:.0f} MiB" if is_judged else "",
            reached=resident <= REACH_MIB if is_judged else None,
        )


def _percent(loads: list[float]) -> str:
    return f"{median(loads) * 100:.2f} %"
