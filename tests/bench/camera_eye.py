"""What the eye takes to look at one picture for tampering."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import av

from agent.surveillance.decode import Moment
from agent.surveillance.seeing.eye import Eye
from tests.bench.figures import Row, Size, ms
from tests.bench.film import film

REACH_S = 0.002


def measure(folder: Path, size: Size) -> Iterator[Row]:
    eye, took_s = Eye(lambda *_: None), []
    with av.open(str(film(folder, min(size.film_s, 16)))) as container:
        for number, frame in enumerate(container.decode(video=0)):
            began = time.thread_time()
            eye.see(Moment(frame, 2.0 * number))
            if number >= 10:  # by then the view is learned
                took_s.append(time.thread_time() - began)
    yield Row(
        "CPU of the look for tampering at one 720p picture",
        ms(median(took_s)),
        reach=f"≤ {REACH_S * 1e3:.0f} ms",
        reached=median(took_s) <= REACH_S,
    )
