"""The still on the status page: shown to who asks, and told once a viewing."""

from pathlib import Path
from typing import cast

import pytest

from agent.errors import TryAgain
from agent.surveillance.egress.preview import EVERY_S, LEFT_S, LONGEST_S, Preview
from agent.surveillance.service import CameraService
from tests.surveillance.egress.test_watch import Room


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
def preview(room: Room) -> Preview:
    return Preview(room.viewings, room.clock, cameras=lambda: cast("dict[str, CameraService]", room.cameras))


def look(room: Room, preview: Preview, seconds: float) -> None:
    """A page that asks every second, and the service beside it."""
    for _ in range(round(seconds)):
        preview.picture("quay")
        preview.tend()
        room.clock.advance(1)


def test_a_viewing_is_one_event_however_many_pictures_and_pages_there_were(room: Room, preview: Preview) -> None:
    look(room, preview, 20)
    preview.picture("quay")
    preview.picture("quay")
    assert room.store.told == []
    room.clock.advance(LEFT_S)
    preview.tend()
    (told,) = room.store.told
    assert (told["kind"], told["order"], told["ended"]) == ("status", "", "left")
    assert "by" not in told
    assert told["pictures"] == room.quay.asked == 20 / EVERY_S + 1


def test_a_page_that_stays_open_is_told_every_ten_minutes(room: Room, preview: Preview) -> None:
    look(room, preview, 2 * LONGEST_S + 60)
    assert [told["ended"] for told in room.store.told] == ["time", "time"]


def test_what_leaves_weaker_than_before_is_a_viewing_of_its_own(room: Room, preview: Preview) -> None:
    look(room, preview, 5)
    room.quay.egress = "plain"
    look(room, preview, 5)
    preview.close()
    assert [(told["egress"], told["ended"]) for told in room.store.told] == [
        ("pixelated", "camera"),
        ("plain", "agent"),
    ]


def test_a_look_that_cannot_be_written_down_shows_nothing(room: Room, preview: Preview, tmp_path: Path) -> None:
    (tmp_path / "viewings.json").mkdir()
    with pytest.raises(TryAgain):
        preview.picture("quay")
    preview.tend()
    preview.close()
    assert room.store.told == []


def test_a_camera_that_is_away_or_unknown_is_said_and_not_told(room: Room, preview: Preview) -> None:
    room.quay.is_away = True
    with pytest.raises(TryAgain):
        preview.picture("quay")
    with pytest.raises(LookupError):
        preview.picture("yard")
    preview.close()
    assert room.store.told == []
