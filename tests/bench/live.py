"""A press at a counter whose link is up: from the key's byte to the broker's PUBACK, durable on the way.

Both the agent and the bare socket beside it go through the same `tests.bench.line`, which notes when a PUBACK passes.
"""

import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from agent.event import EventType
from agent.uplink.topics import Topics
from tests.bench.bridge import QUIET, connected, publish, receive
from tests.bench.events import AGENT, PROVINCE, encoded_rating
from tests.bench.figures import NotPossible, Row, Size, ms, percentile, ratio_of_blocks
from tests.bench.floor import DevicePage
from tests.bench.line import Line
from tests.bench.memory import closing_counter
from tests.broker import Broker, mosquitto_program
from tests.eventually import eventually
from tests.story.counter import CODES, Counter, Ear

PAUSE_S = 0.02
"""Between two presses, and at least between a press and whatever is timed next."""


def measure(folder: Path, size: Size) -> Iterator[Row]:
    if mosquitto_program() is None:
        raise NotPossible("mosquitto is not installed")
    (folder / "broker").mkdir()
    pressed, written, sent = [], [], []
    with ExitStack() as stack:
        broker = stack.enter_context(Broker(folder / "broker", options=QUIET))
        page = stack.enter_context(DevicePage(folder / "floor"))
        line = stack.enter_context(Line(broker.port))
        bare_line = stack.enter_context(Line(broker.port))
        bare = stack.enter_context(connected(bare_line.port))
        counter = Counter(folder / "counter", f"mqtt://127.0.0.1:{line.port}")
        stack.enter_context(closing_counter(counter))
        with Ear(broker.port).open("motcua/#") as ear:
            counter.start()
            counter.press()
            eventually(lambda: ear.heard("up/event/rating"), within_s=20)
            topic, body = Topics(PROVINCE, AGENT).event(EventType.RATING), encoded_rating()
            for number in range(size.presses // 4):
                time.sleep(PAUSE_S)
                began = time.perf_counter()
                page.write()
                written.append(time.perf_counter() - began)
                began = time.perf_counter()
                bare.sendall(publish(topic, body, number + 1))
                receive(bare, 4)
                sent.append(time.perf_counter() - began)
                time.sleep(PAUSE_S)
                pressed.append(time.perf_counter())
                counter.keypad.press(CODES[number % len(CODES)])
                _await_events(ear, 1 + 2 * len(pressed))  # the first press; in every turn a bare one and a real one
            counter.stop()
    took = _to_puback(pressed, line.carried.pubacks_at_s)
    floor = [write + send for write, send in zip(written, sent, strict=True)]
    for label, percent in (("p50", 50.0), ("p99", 99.0)):
        yield Row(
            f"key byte to PUBACK, durable before it is sent, {label}",
            ms(percentile(took, percent)),
            f"bare write and socket {ms(percentile(floor, percent))}, the socket alone {ms(percentile(sent, percent))}",
            ratio_of_blocks(took, floor) if percent == 50.0 else None,
        )
    assert median(took) > median(written), "a PUBACK came before anything can have been durable"


def _await_events(ear: Ear, count: int) -> None:
    eventually(lambda: len(ear.heard("up/event/rating")) >= count, every_s=0.002)


def _to_puback(pressed: list[float], pubacks: list[float]) -> list[float]:
    """From each press to the first PUBACK after it."""
    return [pubacks[bisect_right(pubacks, at)] - at for at in pressed]
