"""A superior's look at the counter: for a while, by name, over one connection, and never in anybody's way."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from agent.clock import ManualClock
from agent.errors import TryAgain
from agent.surveillance.egress.preview import Preview
from agent.surveillance.egress.still import Still
from agent.surveillance.egress.viewing import Viewings
from agent.surveillance.egress.watch import LONGEST_S, Leases, WatchService, Wish
from agent.surveillance.service import CameraService
from tests.eventually import eventually
from tests.rating.running import running
from tests.surveillance.egress.test_viewing import Store


class Quay:
    """A camera's service, as far as who watches sees it."""

    def __init__(self, room: "Room") -> None:
        self._room = room
        self.egress: Literal["pixelated", "plain"] = "pixelated"
        self.always_hidden: tuple[str, ...] = ()
        self.is_away = False
        self.asked = 0

    def glimpse(self, timeout_s: float) -> Still:  # noqa: ARG002
        self.asked += 1
        self._room.happened.append("glimpse")
        self._room.meanwhile()
        if self.is_away:
            raise TryAgain("camera quay is not there")
        return Still(b"\xff\xd8", 640, 360, 0.0, self.egress, ("whole",))


class Line:
    """A way out that takes every still at once, unless it is slow."""

    def __init__(self) -> None:
        self.is_open = self.is_free = True
        self.carried: list[int] = []

    def carry(self, number: int, still: Still) -> None:
        assert still.content
        self.carried.append(number)


class Room:
    """Leases at one counter, and everything that happens around them."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(datetime(2026, 9, 1, 1, 15, tzinfo=UTC))
        self.store = Store()
        self.happened: list[str] = []
        self.quay = Quay(self)
        self.cameras: dict[str, Any] = {"quay": self.quay}
        self.finished: dict[str, Mapping[str, Any]] = {}
        self.viewings = Viewings(folder / "viewings.json", self.clock, self.store.append)
        self.leases = Leases(
            self.viewings,
            self.clock,
            cameras=lambda: cast("dict[str, CameraService]", self.cameras),
            watched=lambda count: self.happened.append(f"{count} watch"),
        )

    def meanwhile(self) -> None:
        """What happens while a still is being made."""

    def watch(self, order: str = "w-1", by: str = "PC06", *, lasts_s: float = 10, every_s: float = 3) -> Line:
        line = Line()

        def finish(answer: Mapping[str, Any]) -> None:
            assert order not in self.finished, "told twice"
            self.finished[order] = answer

        self.leases.begin(Wish(order, by, "quay", lasts_s, every_s), line, finish)
        return line

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds * 5)):
            self.leases.tend()
            self.clock.advance(0.2)
        self.leases.tend()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_watch_shows_a_still_every_few_seconds_ends_by_itself_and_is_one_event(room: Room) -> None:
    line = room.watch(lasts_s=10, every_s=3)
    room.live(30)
    assert line.carried == [1, 2, 3, 4]
    (told,) = room.store.told
    assert (told["kind"], told["order"], told["by"], told["pictures"]) == ("watch", "w-1", "PC06", 4)
    assert (told["from"], told["to"]) == ("2026-09-01T01:15:00.000Z", "2026-09-01T01:15:10.000Z")
    assert room.finished["w-1"] == {
        "camera": "quay",
        "pictures": 4,
        "left_out": 0,
        "egress": "pixelated",
        "hidden": ["whole"],
        "ended": "time",
    }


def test_the_screen_says_so_before_the_first_still_is_made_and_until_the_last_is(room: Room) -> None:
    room.watch(lasts_s=5, every_s=3)
    room.live(10)
    assert room.happened == ["1 watch", "glimpse", "glimpse", "0 watch"]


def test_while_a_still_is_on_its_way_the_next_are_left_out_and_not_made_up_for(room: Room) -> None:
    line = room.watch(lasts_s=30, every_s=3)
    room.live(1)
    line.is_free = False
    room.live(10)
    asked, line.is_free = room.quay.asked, True
    assert (line.carried, asked) == ([1], 1)
    room.live(3)
    assert line.carried == [1, 2]


def test_a_camera_that_is_away_for_a_moment_leaves_stills_out_and_the_watch_goes_on(room: Room) -> None:
    line = room.watch(lasts_s=20, every_s=2)
    room.quay.is_away = True
    room.live(5)
    room.quay.is_away = False
    room.live(20)
    assert room.finished["w-1"]["left_out"] == 3
    assert room.finished["w-1"]["pictures"] == len(line.carried) == 7


def test_who_stops_it_gets_no_still_afterwards_not_even_one_that_was_being_made(room: Room) -> None:
    line = room.watch(lasts_s=60)
    room.live(1)
    room.meanwhile = lambda: None if room.quay.asked == 1 else stop()  # type: ignore[method-assign]

    def stop() -> None:
        assert room.leases.stop("quay", "PC06")

    room.live(10)
    assert line.carried == [1]
    assert (room.finished["w-1"]["ended"], room.finished["w-1"]["pictures"]) == ("stopped", 1)
    assert not room.leases.stop("quay", "PC06")


def test_a_camera_is_watched_by_one_who_may_renew_it(room: Room) -> None:
    first = room.watch("w-1", lasts_s=10, every_s=4)
    room.live(5)
    with pytest.raises(TryAgain, match="is being watched by PC06"):
        room.watch("x-1", by="PV01")
    with pytest.raises(TryAgain, match="is being watched by PC06"):
        room.leases.stop("quay", "PV01")
    second = room.watch("w-2", lasts_s=10, every_s=4)
    room.live(20)
    assert (first.carried, second.carried) == ([1, 2], [1, 2])
    assert [told["order"] for told in room.store.told] == ["w-1", "w-2"]
    assert [room.finished[order]["ended"] for order in ("w-1", "w-2")] == ["renewed", "time"]
    assert room.happened.count("0 watch") == 1
    room.watch("x-1", by="PV01")


@pytest.mark.parametrize("what", ["link", "camera", "camera set otherwise"])
def test_it_ends_with_its_connection_and_with_its_camera(room: Room, what: str) -> None:
    line = room.watch(lasts_s=60)
    room.live(1)
    if what == "link":
        line.is_open = False
    elif what == "camera":
        room.cameras.clear()
    else:
        room.quay.egress = "plain"
    room.live(5)
    assert line.carried == [1]
    assert room.finished["w-1"]["ended"] == what.partition(" ")[0]
    assert len(room.store.told) == 1


def test_without_a_link_or_a_note_nothing_begins(room: Room, tmp_path: Path) -> None:
    line = Line()
    line.is_open = False
    with pytest.raises(TryAgain, match="link is away"):
        room.leases.begin(Wish("w-1", "PC06", "quay", 10, 3), line, lambda _: None)
    (tmp_path / "viewings.json").mkdir()
    with pytest.raises(TryAgain):
        room.watch()
    room.live(5)
    assert (room.happened, room.finished, room.store.told) == ([], {}, [])


@pytest.mark.parametrize(
    ("lasts_s", "every_s"),
    [(LONGEST_S + 1, 3), (0, 3), (-5, 3), (60, 0.5), (60, 61), (float("nan"), 3), (60, float("nan"))],
)
def test_what_is_asked_for_is_bounded(lasts_s: float, every_s: float) -> None:
    with pytest.raises(ValueError, match=r"minutes|every_s"):
        Wish("w-1", "PC06", "quay", lasts_s, every_s)


def test_an_agent_that_is_stopped_ends_what_goes_on_and_tells(room: Room) -> None:
    line = room.watch(lasts_s=60)
    preview = Preview(room.viewings, room.clock, cameras=lambda: cast("dict[str, CameraService]", room.cameras))
    with running(WatchService(room.leases, preview)):
        eventually(lambda: line.carried == [1])
        assert preview.picture("quay")
    assert room.finished["w-1"]["ended"] == "agent"
    assert [(told["kind"], told["ended"]) for told in room.store.told] == [("watch", "agent"), ("status", "agent")]
    assert room.leases.watchers() == {}


def test_the_note_of_a_watch_that_is_cut_off_says_what_is_hidden_whatever_is_shown(room: Room, tmp_path: Path) -> None:
    room.quay.always_hidden = ("masks",)
    room.watch()
    Viewings(tmp_path / "viewings.json", room.clock, room.store.append).settle()
    (told,) = room.store.told
    assert (told["ended"], told["hidden"]) == ("restart", ["masks"])
