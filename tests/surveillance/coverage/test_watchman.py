"""What the watchman writes of the cameras' lapses, and of the life of the agent."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.rating.figures.opening import Span
from agent.surveillance.cause import Cause
from agent.surveillance.coverage import watchman
from agent.surveillance.coverage.pulse import PULSE, pulse_age
from agent.surveillance.coverage.review import Review, review
from agent.surveillance.coverage.vigil import Vigil
from agent.surveillance.coverage.watchbook import BOOK, Watchbook
from agent.surveillance.coverage.watchman import Lapses, Watchman
from tests.eventually import eventually
from tests.rating.days import at
from tests.surveillance.conftest import camera

DAY = [Span(at(8), at(16))]


class Post:
    """A watchman at work over one camera."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(at(7))
        self.lapses = Lapses(self.clock)
        self.memory = folder / "run"
        self.memory.mkdir()
        self.book = Watchbook(folder, self.clock, memory=self.memory)
        self.is_open = True

    def vigil(self) -> Vigil:
        return self.lapses.vigil("quay")

    def pulses(self) -> tuple[float, float]:
        """How many seconds ago memory and the card last heard that the agent lives."""
        age = self.clock.read().age.total_seconds()
        memory, card = (age - pulse_age(folder, 1, self.clock.boot) for folder in (self.memory, self.folder))
        return round(memory), round(card)

    @contextmanager
    def kept(self, *cameras: str) -> Iterator[None]:
        """From the first turn to the last."""
        service = Watchman(self.book, self.lapses, cameras, clock=self.clock, is_open=lambda: self.is_open)
        stop = threading.Event()
        thread = threading.Thread(target=service.run, args=(stop,))
        thread.start()
        with ExitStack() as leaving:
            leaving.callback(thread.join)
            leaving.callback(stop.set)
            yield

    def told(self, until: datetime) -> Review | None:
        try:
            return review(self.folder, [camera("sim")], DAY, until=until).get("quay")
        except TryAgain:  # damaged
            return None


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(watchman, "LOOK_S", 0.01)
    return Post(tmp_path)


def test_a_book_damaged_under_the_running_agent_is_begun_anew_with_the_cameras_and_what_is_still_so(post: Post) -> None:
    vigil = post.vigil()
    with post.kept("quay"):
        eventually(lambda: post.told(at(16)) is not None)
        post.clock.advance(3 * 3600)
        vigil.look(is_tampered=True, since=post.clock.monotonic())
        eventually(lambda: (told := post.told(at(16))) is not None and Cause.TAMPER in told.figures.gaps)
        for path in post.folder.glob(f"{BOOK}*"):
            path.write_bytes(b"no database" * 2000)
        post.clock.advance(3600)
        vigil.record(is_refused=True, since=post.clock.monotonic())
        eventually(lambda: post.told(at(16)) is not None)
        post.clock.advance(3600)
        vigil.look(is_tampered=False, since=post.clock.monotonic())
        vigil.record(is_refused=False, since=post.clock.monotonic())
    told = post.told(at(16))
    assert (post.folder / f"{BOOK}.damaged").exists()
    assert told is not None
    assert told.figures.opening_s == 5 * 3600  # from eleven, when it was fitted anew
    assert [(gap.cause, *gap.span) for gap in told.gaps] == [(Cause.TAMPER, at(11), at(12))]


def test_the_card_is_written_every_ten_seconds_while_the_counter_is_open_and_every_minute_while_it_is_not(
    post: Post,
) -> None:
    with post.kept("quay"):
        eventually(lambda: post.pulses() == (0, 0))
        post.clock.advance(9)
        eventually(lambda: post.pulses() == (0, 9))
        post.clock.advance(1)
        eventually(lambda: post.pulses() == (0, 0))
        post.is_open = False
        post.clock.advance(59)
        eventually(lambda: post.pulses() == (0, 59))
        post.clock.advance(1)
        eventually(lambda: post.pulses() == (0, 0))


def test_without_a_camera_no_pulse_is_written(post: Post) -> None:
    with post.kept():
        eventually((post.folder / BOOK).exists)
    assert not [path for folder in (post.memory, post.folder) for path in folder.glob(PULSE)]
