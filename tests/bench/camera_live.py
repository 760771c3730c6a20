"""A camera on the network, live: CPU of the whole agent with one, beside Debian's `motion` on the same film.

The film is served over RTSP by `tests.rtsp`, in real time and from a process that is in nobody's account. All take
turns; what an agent without a camera uses is measured too, because the rest of the agent is in each figure.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.figures import NotPossible, Row, Size, ratio
from tests.bench.film import film
from tests.bench.memory import NOWHERE, closing_counter
from tests.bench.motion import MISSING, motion, motion_program
from tests.bench.processes import family, load_of, pss_mib, rss_mib
from tests.eventually import eventually
from tests.rtsp import Film, RtspCamera, rtsp_camera
from tests.story.counter import Counter

RECORDS, SEES, ALONE, RIVAL = "records", "sees", "alone", "motion"
REACH = {(RECORDS, False): 0.10, (SEES, False): 0.20, (SEES, True): 0.25}
REACH_MIB = 50.0
SETTLE_S = 6.0
"""After its first picture, by then everything is loaded; less where the whole film is shorter than twice that."""


def measure(folder: Path, size: Size) -> Iterator[Row]:
    rounds = max(1, size.rounds // 2)
    for is_half_idle in (False, True) if size.film_s > 2 * SETTLE_S else (False,):
        scene = "half idle" if is_half_idle else "busy"
        loads: dict[str, list[float]] = {}
        memory: dict[str, tuple[float, float]] = {}
        with rtsp_camera(Film.of(film(folder, size.film_s, is_half_idle=is_half_idle))) as device:
            for number in range(rounds):
                for who in (RECORDS, SEES, ALONE) + ((RIVAL,) if motion_program() else ()):
                    here = folder / f"{scene}-{number}-{who}".replace(" ", "-")
                    used, resident = _watch(here, who, device, float(size.film_s))
                    loads.setdefault(who, []).append(used)
                    memory[who] = resident
        yield from _rows(scene, loads, is_half_idle=is_half_idle)
        if not is_half_idle:
            yield from _memory_rows(memory)
    if motion_program() is None:
        raise NotPossible(f"beside motion: {MISSING}")


def _watch(folder: Path, who: str, device: RtspCamera, seconds: float) -> tuple[float, tuple[float, float]]:
    """The load of *who* on the film for as long as it lasts; and MiB of what looks at the camera, shared and not."""
    with ExitStack() as stack:
        if who == RIVAL:
            process = stack.enter_context(motion(folder, device.url))
            eventually(lambda: list(folder.glob("*.mp4")), within_s=30)
            time.sleep(min(SETTLE_S, seconds / 2))
            used = sum(load_of(process.pid, seconds).values())
            return used, (rss_mib(process.pid), pss_mib(process.pid))
        counter = Counter(folder, NOWHERE)
        record = {"path": str(folder / "video"), "segment_s": 10}
        if who != ALONE:
            settings = {"name": "quay", "driver": "network", "source": device.url, "record": record}
            counter.settings["cameras"] = [settings | {"analyse": who == SEES}]
        stack.enter_context(closing_counter(counter))
        counter.start()
        if who != ALONE:
            eventually(lambda: list(folder.glob("video/**/*.part")), within_s=30)
        time.sleep(min(SETTLE_S, seconds / 2))
        used = sum(load_of(counter.process.pid, seconds).values())
        whose = family(counter.process.pid)[-1]
        return used, (rss_mib(whose), pss_mib(whose))


def _rows(scene: str, loads: dict[str, list[float]], *, is_half_idle: bool) -> Iterator[Row]:
    rival = loads.get(RIVAL)
    beside = f"motion with passthrough {_percent(rival)}" if rival else f"({MISSING})"
    words = {RECORDS: "records", SEES: "records and looks for tampering and presence"}
    for who in (RECORDS, SEES):
        found = ratio(loads[who], rival) if rival else None
        reach = REACH.get((who, is_half_idle))
        what = f"CPU of the whole agent that {words[who]}: 720p over RTSP, {scene}"
        yield Row(
            what,
            f"{_percent(loads[who])}, {_percent(loads[ALONE])} of it without a camera",
            beside,
            found,
            f"≤ {reach:.2f}" if reach and found else "",
            found.middle <= reach if reach and found else None,
        )
        if rival:
            camera = [used - alone for used, alone in zip(loads[who], loads[ALONE], strict=True)]
            found = ratio(camera, rival) if min(camera) > 0 else None
            yield Row("— of this, what the camera adds", _percent(camera), beside, found)


def _memory_rows(memory: dict[str, tuple[float, float]]) -> Iterator[Row]:
    beside = f"motion {memory[RIVAL][0]:.1f} MiB" if RIVAL in memory else f"({MISSING})"
    for who, words in ((RECORDS, "that only records"), (SEES, "that looks too")):
        resident, share = memory[who]
        yield Row(
            f"RSS of the process of a camera {words}",
            f"{resident:.1f} MiB; {share:.1f} with its share of what others use too",
            beside,
            reach=f"≤ {REACH_MIB:.0f} MiB" if who == RECORDS else "",
            reached=resident <= REACH_MIB if who == RECORDS else None,
        )


def _percent(loads: list[float]) -> str:
    return f"{median(loads) * 100:.2f} %"
