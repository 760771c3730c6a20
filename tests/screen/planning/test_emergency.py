"""An emergency: on the disk first, over restarts and power cuts, shown when in doubt, and always over at last."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.alive import Ending, LastLife
from agent.clock import ClockQuality, ManualClock
from agent.errors import TryAgain
from agent.event import EventType, Fact
from agent.screen.planning import emergency
from agent.screen.planning.emergency import LIMIT_S, Alarm, Siren, read_alarm
from agent.screen.scene import Notice

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
STORM = Notice("Bão số 5", ("Quầy tạm đóng cửa",))
NOON = datetime(2027, 2, 5, 12, tzinfo=ZONE)
HOUR_S = 3600.0


class Box:
    """The siren of one counter, over its lives."""

    def __init__(self, folder: Path, *, quality: ClockQuality = ClockQuality.NTP) -> None:
        self.path = folder / "emergency.json"
        self.clock = ManualClock(NOON, quality=quality)
        self.told: list[dict[str, Any]] = []
        self.is_card_full = False
        self.siren = Siren(self.path, self.clock, read_alarm(self.path), None, append=self._append)

    def _append(self, fact: Fact) -> None:
        if self.is_card_full:
            raise TryAgain("the card is full")
        assert fact.type is EventType.ALERT
        self.told.append(dict(fact.data))

    @property
    def codes(self) -> list[str]:
        return [each["code"] for each in self.told]

    def sound(self, hours: float = 2) -> None:
        self.siren.sound(STORM, by="UBND tỉnh", lasts_s=hours * HOUR_S)

    @property
    def left_s(self) -> float | None:
        on = self.siren.look()
        return on[1] if on is not None else None

    def restart(self) -> None:
        """The agent alone."""
        self.siren = Siren(self.path, self.clock, read_alarm(self.path), self._last(Ending.KILLED), append=self._append)

    def cut_power(
        self, wall: datetime, quality: ClockQuality, *, is_remembered: bool = True, boot: str = "b00000000002"
    ) -> None:
        """Another boot, whose clock says *wall*, of that *quality*."""
        last = self._last(Ending.POWER) if is_remembered else None
        self.clock = ManualClock(wall, boot=boot, quality=quality)
        self.siren = Siren(self.path, self.clock, read_alarm(self.path), last, append=self._append)

    def _last(self, ending: Ending) -> LastLife:
        return LastLife(ending, self.clock.boot, self.clock.read())


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_it_ends_by_itself_and_leaves_nothing_behind(box: Box) -> None:
    box.sound(2)
    assert box.path.exists()
    box.clock.advance(2 * HOUR_S - 1)
    assert box.left_s == pytest.approx(1)
    box.clock.advance(1)
    assert box.left_s is None
    assert not box.path.exists()


def test_a_restart_of_the_agent_changes_nothing(box: Box) -> None:
    box.sound(2)
    box.clock.advance(HOUR_S)
    box.restart()
    assert box.left_s == pytest.approx(HOUR_S)


def test_a_power_cut_under_a_clock_that_is_right_costs_no_minute_and_gives_none(box: Box) -> None:
    box.sound(2)
    box.clock.advance(HOUR_S / 2)
    box.cut_power(NOON + timedelta(hours=1.5), ClockQuality.RTC)
    assert box.left_s == pytest.approx(HOUR_S / 2)
    box.cut_power(NOON + timedelta(hours=2), ClockQuality.NTP, boot="b00000000003")
    assert box.left_s is None
    assert not box.path.exists()


def test_after_a_power_cut_into_a_time_nobody_knows_it_goes_on_with_what_was_left(box: Box) -> None:
    box.sound(2)
    box.clock.advance(HOUR_S)
    box.cut_power(datetime(1970, 1, 1, tzinfo=UTC), ClockQuality.NONE)
    assert box.left_s == pytest.approx(HOUR_S)
    box.clock.advance(HOUR_S / 2)
    box.cut_power(datetime(1970, 1, 1, tzinfo=UTC), ClockQuality.NONE, boot="b00000000003")
    assert box.left_s == pytest.approx(HOUR_S / 2), "what was shown in the boot between counts"
    box.clock.advance(HOUR_S / 2)
    assert box.left_s is None


def test_its_true_end_counts_as_soon_as_the_clock_is_believed_again(box: Box) -> None:
    box.sound(2)
    box.cut_power(datetime(1970, 1, 1, tzinfo=UTC), ClockQuality.NONE)
    box.clock.set_wall(NOON + timedelta(hours=1.75), ClockQuality.NTP)
    assert box.left_s == pytest.approx(HOUR_S / 4)


def test_ordered_under_a_clock_nobody_believes_it_runs_by_the_boots_age_and_then_has_an_end(tmp_path: Path) -> None:
    box = Box(tmp_path, quality=ClockQuality.NONE)
    box.sound(2)
    box.clock.advance(HOUR_S)
    box.clock.set_wall(NOON + timedelta(days=40))
    assert box.left_s == pytest.approx(HOUR_S), "a clock that is set says nothing"
    box.clock.set_wall(NOON + timedelta(days=40), ClockQuality.NTP)
    assert box.left_s == pytest.approx(HOUR_S)
    box.cut_power(NOON + timedelta(days=40, minutes=45), ClockQuality.NTP)
    assert box.left_s == pytest.approx(HOUR_S / 4), "the end was written down when it could be told"


def test_where_no_mark_tells_of_the_life_before_all_that_was_left_is_left(box: Box) -> None:
    box.sound(2)
    box.clock.advance(HOUR_S)
    box.cut_power(datetime(1970, 1, 1, tzinfo=UTC), ClockQuality.NONE, is_remembered=False)
    assert box.left_s == pytest.approx(2 * HOUR_S)


def test_a_new_one_takes_the_place_of_the_old_and_silence_ends_it_for_good(box: Box) -> None:
    box.sound(2)
    box.sound(1)
    assert box.left_s == pytest.approx(HOUR_S)
    box.siren.silence(by="UBND tỉnh")
    assert box.left_s is None
    box.restart()
    assert box.left_s is None


def test_a_disk_that_refuses_begins_nothing(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergency, "replace_file", _refuse)
    with pytest.raises(TryAgain):
        box.sound()
    assert box.left_s is None


def test_a_disk_that_refuses_the_end_does_not_keep_it_on_the_screen_and_is_asked_again(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.sound()
    with monkeypatch.context() as patched:
        patched.setattr(emergency, "flush_folder", _refuse)
        with pytest.raises(TryAgain):
            box.siren.silence(by="UBND tỉnh")
        assert box.left_s is None
    flushed: list[Path] = []
    monkeypatch.setattr(emergency, "flush_folder", flushed.append)
    assert box.left_s is None
    assert flushed == [box.path.parent]
    assert not box.path.exists()


def _refuse(*_: object) -> None:
    raise OSError(30, "Read-only file system")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"title": "x"}', b"\x00" * 64, b'{"title":"x","lines":[],"ends":7}']
)
def test_a_file_that_is_no_alarm_is_none(box: Box, body: bytes) -> None:
    box.path.write_bytes(body)
    box.restart()
    assert box.left_s is None


def test_an_alarm_is_read_as_it_was_written_and_never_longer_than_any_may_be() -> None:
    now = ManualClock(NOON).read()
    alarm = Alarm.begun(STORM, by="UBND tỉnh", lasts_s=HOUR_S, now=now, boot="b1")
    assert Alarm.decode(alarm.encode()) == alarm
    with pytest.raises(ValueError, match="not an alarm"):
        Alarm.decode(replace(alarm, left_s=LIMIT_S + 1).encode())
    far = replace(alarm, ends=NOON.astimezone(UTC) + timedelta(days=400))
    assert far.left_at(now, "b1") == LIMIT_S


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "restart", "cut"]),
        st.integers(0, 5000),
        st.sampled_from(list(ClockQuality)),
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(steps=STEPS, first=st.sampled_from(list(ClockQuality)))
def test_whatever_happens_it_is_shown_until_its_end_and_never_longer_than_it_was_granted(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, ClockQuality]], first: ClockQuality
) -> None:
    """The box is on while it waits, and off for as long as a cut takes; a clock that is believed is right."""
    box = Box(tmp_path_factory.mktemp("box"), quality=first)
    box.sound(2)
    gone_s = on_s = 0.0
    for number, (what, seconds, quality) in enumerate(steps):
        if what == "wait":
            box.clock.advance(seconds)
            on_s += seconds
        elif what == "restart":
            box.restart()
        else:
            right = NOON + timedelta(seconds=gone_s + seconds)
            wall = right if quality.is_trusted else datetime(1970, 1, 2, tzinfo=UTC)
            box.cut_power(wall, quality, boot=f"c{number:011}")
        gone_s += 0 if what == "restart" else seconds
        is_on = box.left_s is not None
        if gone_s < 2 * HOUR_S:
            assert is_on, "nobody could say that it is over"
        if on_s >= 2 * HOUR_S:
            assert not is_on
        if box.clock.quality().is_trusted and first.is_trusted and gone_s >= 2 * HOUR_S:
            assert not is_on


def test_the_province_is_told_that_it_began_and_that_it_ended(box: Box) -> None:
    box.sound(hours=2)
    assert box.told == [{"code": "EMERGENCY_BEGAN", "by": "UBND tỉnh", "title": "Bão số 5", "lasts_s": 7200}]
    box.clock.advance(2 * HOUR_S)
    for _ in range(2):
        assert box.left_s is None
    assert box.told[1:] == [{"code": "EMERGENCY_ENDED", "by": "UBND tỉnh", "title": "Bão số 5"}]


def test_one_that_is_taken_back_is_told_once_with_who_did(box: Box) -> None:
    box.siren.silence(by="PX03")
    assert box.told == []
    box.sound()
    box.siren.silence(by="PX03")
    box.siren.silence(by="PX03")
    assert box.left_s is None
    assert box.told[1:] == [{"code": "EMERGENCY_WITHDRAWN", "by": "PX03", "title": "Bão số 5"}]


def test_one_that_ended_while_the_agent_was_away_is_told_by_the_next_life(box: Box) -> None:
    box.sound(hours=1)
    box.clock.advance(2 * HOUR_S)
    box.restart()
    assert box.left_s is None
    assert box.codes == ["EMERGENCY_BEGAN", "EMERGENCY_ENDED"]


def test_a_card_that_takes_no_event_keeps_nobody_from_seeing_the_emergency(box: Box) -> None:
    box.is_card_full = True
    box.sound()
    assert box.left_s is not None
    assert box.told == []
    box.is_card_full = False
    assert box.left_s is not None
    assert box.codes == ["EMERGENCY_BEGAN"]
