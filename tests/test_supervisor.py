"""Who owns the threads: starts in order, stops in reverse, restarts what ends, starves the watchdog of what hangs."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from agent import supervisor as rules
from agent.errors import TryAgain
from agent.service import Service
from agent.supervisor import Supervisor, Unit, Watch
from tests.eventually import eventually


class Diary:
    """What happened, in order; written by all threads."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.troubles: list[tuple[str | None, str]] = []
        self.fed = 0

    def feed(self) -> None:
        self.fed += 1

    def told(self, name: str | None, what: str) -> None:
        self.troubles.append((name, what))

    def count(self, line: str) -> int:
        return self.lines.count(line)


class Actor(Service):
    """A service that does what its part says."""

    def __init__(
        self, name: str, diary: Diary, part: Callable[[threading.Event], None] | None = None, patience_s: float = 30.0
    ) -> None:
        super().__init__()
        self.name = name
        self.patience_s = patience_s
        self.goodbye_s = 0.2
        self._diary = diary
        self._part = part

    def run(self, stop: threading.Event) -> None:
        self._diary.lines.append(f"{self.name} runs on {threading.current_thread().name}")
        try:
            if self._part is not None:
                self._part(stop)
            while not stop.wait(0.01):
                self.progress.beat()
        finally:
            self._diary.lines.append(f"{self.name} ends")


class Troupe:
    """A supervisor in its own thread, and its actors."""

    def __init__(self) -> None:
        self.diary = Diary()
        self.patience_s = 30.0
        """Of every actor: a busy machine hangs nobody."""
        self.supervisor = Supervisor(Watch(alive=self.diary.feed, trouble=self.diary.told))
        self.curtain = threading.Event()
        """Lets go of every actor that would not end by itself."""
        self._thread: threading.Thread | None = None

    def unit(self, name: str, part: Callable[[threading.Event], None] | None = None, made_of: Any = None) -> Unit:
        return Unit(name, lambda: Actor(name, self.diary, part, self.patience_s), made_of)

    def begin(self, *units: Unit) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self.supervisor.run, args=(units,), kwargs={"ready": ready.set})
        self._thread.start()
        assert ready.wait(5)

    def end(self) -> float:
        """Stop; the seconds it took."""
        began = time.monotonic()
        self.supervisor.stop()
        if self._thread is not None:
            self._thread.join(10)
            assert not self._thread.is_alive()
            self._thread = None
        return time.monotonic() - began

    def close(self) -> None:
        self.curtain.set()
        self.end()

    def is_running(self, name: str) -> bool:
        return any(thread.name == name for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {
        "FIRST_WAIT_S": 0.01,
        "LONGEST_WAIT_S": 0.08,
        "TICK_S": 0.01,
        "WINDOW_S": 0.6,
        "PROVEN_S": 0.2,
    }.items():
        monkeypatch.setattr(rules, name, seconds)


@pytest.fixture
def troupe() -> Iterator[Troupe]:
    made = Troupe()
    yield made
    made.close()


def fails(_: threading.Event) -> None:
    raise RuntimeError("a fault")


def test_services_start_in_order_on_threads_of_their_names_and_stop_in_reverse(troupe: Troupe) -> None:
    troupe.begin(*(troupe.unit(name) for name in ("first", "second", "third")))
    eventually(lambda: len(troupe.diary.lines) == 3)
    troupe.end()
    assert sorted(troupe.diary.lines[:3]) == [f"{name} runs on {name}" for name in ("first", "second", "third")]
    assert troupe.diary.lines[3:] == ["third ends", "second ends", "first ends"]


def test_a_service_is_started_only_after_the_one_before_it(troupe: Troupe) -> None:
    order: list[str] = []

    def unit(name: str) -> Unit:
        def build() -> Service:
            order.append(f"{name} after {[n for n in ('a', 'b', 'c') if troupe.is_running(n)]}")
            return Actor(name, troupe.diary)

        return Unit(name, build)

    troupe.begin(unit("a"), unit("b"), unit("c"))
    assert order == ["a after []", "b after ['a']", "c after ['a', 'b']"]


def test_while_all_move_the_watchdog_is_fed(troupe: Troupe) -> None:
    troupe.begin(troupe.unit("one"), troupe.unit("two"))
    eventually(lambda: troupe.diary.fed > 5)
    assert troupe.diary.troubles == []


@pytest.mark.parametrize("part", [fails, lambda _: None], ids=["raises", "returns"])
def test_a_service_that_ended_is_built_again(troupe: Troupe, part: Callable[[threading.Event], None]) -> None:
    lives: list[Service] = []

    class Once(Actor):
        def run(self, stop: threading.Event) -> None:
            if len(lives) == 1:
                part(stop)
                return
            super().run(stop)

    def build() -> Service:
        lives.append(Once("once", troupe.diary))
        return lives[-1]

    troupe.begin(Unit("once", build), troupe.unit("other"))
    eventually(lambda: troupe.diary.count("once runs on once") == 1)
    assert len(lives) == 2
    assert troupe.diary.count("other runs on other") == 1, "its neighbour was not touched"
    assert troupe.diary.troubles == []


def test_a_service_that_cannot_be_built_is_tried_again(troupe: Troupe) -> None:
    tries: list[int] = []

    def build() -> Service:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("no such device yet")
        return Actor("late", troupe.diary)

    troupe.begin(Unit("late", build))
    eventually(lambda: troupe.diary.lines == ["late runs on late"])


def test_the_waits_between_restarts_grow(troupe: Troupe) -> None:
    at: list[float] = []

    def dies(_: threading.Event) -> None:
        at.append(time.monotonic())
        raise RuntimeError

    troupe.begin(troupe.unit("weak", dies))
    eventually(lambda: len(at) >= 5)
    gaps = [after - before for before, after in pairwise(at[:5])]
    assert all(gap >= 0.8 * 0.01 * 2**n for n, gap in enumerate(gaps)), gaps


def test_one_that_keeps_ending_is_given_up_visibly_and_tried_again_until_it_has_proven_itself(troupe: Troupe) -> None:
    is_cured = threading.Event()
    lives: list[float] = []

    def dies(_: threading.Event) -> None:
        lives.append(time.monotonic())
        if not is_cured.is_set():
            raise RuntimeError

    troupe.begin(troupe.unit("weak", dies), troupe.unit("strong"))
    eventually(lambda: troupe.diary.troubles == [("weak", "keeps ending")])
    assert len(lives) == rules.GIVE_UP
    eventually(lambda: len(lives) > rules.GIVE_UP + 1)  # two tries later it is still said to be in trouble
    assert lives[-1] - lives[-2] >= rules.WINDOW_S
    assert troupe.diary.troubles == [("weak", "keeps ending")]
    fed = troupe.diary.fed
    is_cured.set()
    eventually(lambda: troupe.diary.troubles == [("weak", "keeps ending"), (None, "")])
    assert time.monotonic() - lives[-1] >= rules.PROVEN_S
    assert troupe.diary.fed > fed, "one that ends is not a reason to kill the others"


def test_a_foreseen_end_that_repeats_is_one_line_when_lost_one_when_given_up_and_one_when_back(
    troupe: Troupe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="agent.supervisor")
    is_cured = threading.Event()
    lives: list[float] = []

    def dies(_: threading.Event) -> None:
        lives.append(time.monotonic())
        if not is_cured.is_set():
            raise TryAgain("the card is read-only")

    troupe.begin(troupe.unit("weak", dies))
    eventually(lambda: len(lives) > rules.GIVE_UP + 1)
    is_cured.set()
    eventually(lambda: troupe.diary.troubles == [("weak", "keeps ending"), (None, "")])
    assert "Traceback" not in caplog.text
    lost, given_up, back, *_ = [record.getMessage() for record in caplog.records]
    assert lost.startswith("weak ended (1 in")
    assert "the card is read-only" in lost
    assert given_up.startswith(f"weak ended ({rules.GIVE_UP} in")
    assert back == "weak runs again"


def test_one_that_hangs_starves_the_watchdog_and_says_which_until_it_moves(troupe: Troupe) -> None:
    release = threading.Event()

    def hangs(_: threading.Event) -> None:
        release.wait(20)

    troupe.patience_s = 0.3
    troupe.begin(troupe.unit("stuck", hangs), troupe.unit("fine"))
    eventually(lambda: troupe.diary.troubles == [("stuck", "hangs")])
    fed = troupe.diary.fed
    looks = len(_looks(troupe))
    eventually(lambda: len(_looks(troupe)) > looks + 5)
    assert troupe.diary.fed == fed
    release.set()
    eventually(lambda: troupe.diary.fed > fed)
    assert troupe.diary.troubles == [("stuck", "hangs"), (None, "")]


def _looks(troupe: Troupe) -> list[float]:
    """Answers of the supervisor's own thread: it goes round although a service hangs."""
    answers: list[float] = troupe.diary.__dict__.setdefault("answers", [])
    answers.append(troupe.supervisor.call(time.monotonic).result(5))
    return answers


def test_a_reload_rebuilds_what_changed_drops_what_went_starts_what_is_new_and_leaves_the_rest(troupe: Troupe) -> None:
    troupe.begin(troupe.unit("same", made_of=(1, "a")), troupe.unit("changed", made_of=1), troupe.unit("gone"))
    eventually(lambda: len(troupe.diary.lines) == 3)
    after = [troupe.unit("new"), troupe.unit("changed", made_of=2), troupe.unit("same", made_of=(1, "a"))]
    troupe.supervisor.call(lambda: troupe.supervisor.replace(after)).result(5)
    eventually(lambda: troupe.diary.count("new runs on new") == 1)
    eventually(lambda: troupe.diary.count("changed runs on changed") == 2)
    assert troupe.diary.count("same runs on same") == 1
    assert troupe.diary.lines[3:5] == ["gone ends", "changed ends"], "what goes is stopped before anything starts"
    assert troupe.is_running("same")
    troupe.end()
    assert troupe.diary.lines[-3:] == ["same ends", "changed ends", "new ends"], "in reverse of the new order"


def test_a_unit_that_waits_for_its_restart_is_tried_at_once_by_a_reload(
    troupe: Troupe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "FIRST_WAIT_S", 600)
    monkeypatch.setattr(rules, "LONGEST_WAIT_S", 600)
    is_there = threading.Event()

    def build() -> Service:
        if not is_there.is_set():
            raise OSError("no such device yet")
        return Actor("late", troupe.diary)

    troupe.begin(Unit("late", build))
    is_there.set()
    troupe.supervisor.call(lambda: troupe.supervisor.replace([Unit("late", build)])).result(5)
    eventually(lambda: troupe.diary.lines == ["late runs on late"])


def test_what_is_called_for_answers_with_its_result_or_its_error(troupe: Troupe) -> None:
    troupe.begin(troupe.unit("one"))
    assert troupe.supervisor.call(lambda: threading.current_thread().name).result(5) != threading.main_thread().name
    with pytest.raises(ZeroDivisionError):
        troupe.supervisor.call(lambda: 1 // 0).result(5)
    eventually(lambda: troupe.diary.lines == ["one runs on one"])


def test_all_have_ended_within_five_seconds_although_some_will_not(
    troupe: Troupe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert rules.GOODBYE_S < 5
    monkeypatch.setattr(rules, "GOODBYE_S", 0.5)

    def stubborn(_: threading.Event) -> None:
        troupe.curtain.wait(20)

    names = [f"stubborn-{number}" for number in range(6)]
    troupe.begin(*(troupe.unit(name, stubborn) for name in names), troupe.unit("polite"))
    eventually(lambda: len(troupe.diary.lines) == 7)
    took_s = troupe.end()
    assert troupe.diary.lines[-1] == "polite ends"
    assert took_s < 0.5 + 6 * 0.05 + 0.4
    assert [name for name in names if f"{name} did not end" in caplog.text] == names
    troupe.curtain.set()
    eventually(lambda: not any(troupe.is_running(name) for name in names))


def test_a_signal_while_it_starts_ends_what_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the main thread, as in the daemon: the handler runs between two builds."""
    diary = Diary()
    supervisor = Supervisor(Watch(alive=diary.feed, trouble=diary.told))

    def build() -> Service:
        os.kill(os.getpid(), signal.SIGUSR1)
        return Actor("second", diary)

    before = signal.signal(signal.SIGUSR1, lambda *_: supervisor.stop())
    try:
        units = [Unit("first", lambda: Actor("first", diary)), Unit("second", build)]
        supervisor.run(units, ready=lambda: diary.lines.append("ready"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert diary.lines[-2:] == ["second ends", "first ends"]


def test_a_failure_to_say_ready_stops_what_was_started() -> None:
    diary = Diary()
    supervisor = Supervisor(Watch(alive=diary.feed, trouble=diary.told))

    def not_ready() -> None:
        eventually(lambda: len(diary.lines) == 1)
        raise OSError("no notify socket")

    with pytest.raises(OSError, match="notify"):
        supervisor.run([Unit("first", lambda: Actor("first", diary))], ready=not_ready)
    assert diary.lines == ["first runs on first", "first ends"]


def test_a_service_stopped_the_moment_it_was_started_ends_quietly(troupe: Troupe) -> None:
    """Its thread may be given its first turn only after it was told to stop and forgotten."""
    troupe.begin()

    def begin_and_end(unit: Unit) -> None:
        troupe.supervisor.replace([unit])
        troupe.supervisor.replace([])

    for number in range(50):
        troupe.supervisor.call(partial(begin_and_end, troupe.unit("brief", made_of=number))).result(5)
    assert troupe.diary.count("brief runs on brief") == troupe.diary.count("brief ends") == 50
