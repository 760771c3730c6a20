"""A day at the counter, in any order that Hypothesis can think of: no press is lost, none is counted twice.

Keys, garbage, repeats, refusals to store, modes that begin and end in between; and a wall clock that is set
back an hour, over midnight, to the border of a bucket, or is not believed at all. The zone has no daylight
saving time.
"""

from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.clock import ClockQuality, ManualClock
from agent.rating.desk import HOUR_S, Desk, Rating, Rules
from agent.rating.inspection.modes import Lease, ModeKind
from agent.rating.keypad.keys import Keys, Touch
from agent.rating.record import Flag
from agent.rating.scale import VN4
from drivers.base import Press

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
LEVELS = {"31": 3, "32": 2, "33": 1, "34": 0}
KEYS = Keys(LEVELS, repeat_gap_s=0.3, stuck_s=10.0)
BUCKET_MIN = 15
RULES = Rules(correction_s=4, lockout_s=8, max_per_hour=6)
OPEN, CLOSED = 7, 17
Place = tuple[str, float]
"""A press, named by its keypad and its moment: no two are alike."""


class CounterDay(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(datetime(2026, 9, 1, 8, 0, tzinfo=ZONE))
        self.mode: tuple[ModeKind, Lease] | None = None
        self.desk = Desk(
            VN4,
            {"keypad": KEYS, "keypad-2": KEYS},
            Rules(
                RULES.correction_s,
                RULES.lockout_s,
                RULES.max_per_hour,
                is_open=lambda wall: OPEN <= wall.hour < CLOSED,
                mode=lambda _: self.flag,
            ),
        )
        self.presses: list[Place] = []
        self.became: dict[Place, str] = {}
        self.stored: dict[str, Rating] = {}
        self.refused: list[Rating] = []
        self.valid_at: list[float] = []

    @initialize(hour=st.sampled_from([0, 6, 8, 16, 23]), minute=st.sampled_from([0, 14, 59]))
    def begin(self, hour: int, minute: int) -> None:
        self.clock.set_wall(self.clock.now().replace(hour=hour, minute=minute, second=58))

    @property
    def flag(self) -> Flag | None:
        if self.mode is None:
            return None
        kind, lease = self.mode
        return kind.flag if lease.left_s(self.clock.read(), self.clock.boot) > 0 else None

    # -- what happens ------------------------------------------------------------------------------

    @rule(
        code=st.sampled_from([*LEVELS, "31", "34", "99"]),
        keypad=st.sampled_from(["keypad", "keypad-2"]),
        after_s=st.one_of(st.floats(0.001, 0.5), st.floats(0.001, 9), st.floats(0.001, 1200)),
        is_storable=st.sampled_from([True, True, True, False]),
    )
    def press(self, code: str, keypad: str, after_s: float, *, is_storable: bool) -> None:
        self.clock.advance(after_s)
        moment, at = self.clock.read(), self.clock.monotonic()
        place = (keypad, at)
        self.presses.append(place)
        outcome = self.desk.press(keypad, Press(code, at), wall=moment.at if moment.quality.is_trusted else None)
        if isinstance(outcome, Touch):
            self.became[place] = "garbage" if outcome is Touch.GARBAGE else "repeat"
            assert (outcome is Touch.GARBAGE) == (code not in LEVELS)
            return
        data = outcome.data
        assert (data.raw, data.level, data.keymap) == (code, LEVELS[code], KEYS.hash)
        assert data.valid == (not data.flags)
        is_own_session = data.corrects is not None or Flag.UPGRADE in data.flags
        if not is_own_session:
            assert (Flag.OFF_HOURS in data.flags) == (moment.quality.is_trusted and not OPEN <= moment.at.hour < CLOSED)
        assert {*data.flags} & {Flag.TRAINING, Flag.INSPECTION} == ({self.flag} - {None})
        self.became[place] = "flagged" if data.flags else "correction" if outcome.is_correction else "rating"
        if not is_storable:
            self.refused.append(outcome)
            return
        event_id = f"event-{len(self.stored)}"
        if data.corrects is not None:
            self._check_correction(outcome)
        elif data.valid:
            assert all(at - other >= RULES.lockout_s for other in self.valid_at)
            self.valid_at.append(at)
        self.stored[event_id] = outcome
        self.desk.settle(outcome, event_id)

    def _check_correction(self, rating: Rating) -> None:
        data = rating.data
        assert data.corrects is not None
        before = self.stored[data.corrects]
        assert rating.at_monotonic - before.at_monotonic < RULES.correction_s
        assert data.flags == before.data.flags
        assert data.level != before.data.level
        assert (data.upgrade is True) == (data.level > before.data.level)

    @rule(kind=st.sampled_from(ModeKind), lasts_s=st.floats(1, 600))
    def mode_begins(self, kind: ModeKind, lasts_s: float) -> None:
        self.mode = kind, Lease("PV01", self.clock.boot, self.clock.read(), lasts_s)

    @rule()
    def mode_is_ended(self) -> None:
        if self.mode is not None:
            kind, lease = self.mode
            self.mode = kind, lease.cut(self.clock.read(), self.clock.boot)

    @rule(seconds=st.floats(1, 4000))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def clock_jumps_back_an_hour(self) -> None:
        self.clock.set_wall(self.clock.now() - timedelta(hours=1))

    @rule()
    def clock_is_set_to_just_before_midnight(self) -> None:
        self.clock.set_wall(self.clock.now().replace(hour=23, minute=59, second=59))

    @rule()
    def clock_is_set_to_the_border_of_a_bucket(self) -> None:
        now = self.clock.now()
        self.clock.set_wall(now.replace(minute=now.minute // BUCKET_MIN * BUCKET_MIN, second=0, microsecond=0))

    @rule(quality=st.sampled_from(ClockQuality))
    def clock_is_believed_or_not(self, quality: ClockQuality) -> None:
        self.clock.set_wall(self.clock.now(), quality)

    # -- what always holds -------------------------------------------------------------------------

    @invariant()
    def every_press_is_in_exactly_one_set(self) -> None:
        assert len(self.presses) == len(set(self.presses)) == len(self.became)
        became = Counter(self.became.values())
        counts = self.desk.counts
        assert (counts.garbage, counts.repeats) == (became["garbage"], became["repeat"])
        assert counts.ratings + counts.corrections == became["rating"] + became["correction"] + became["flagged"]
        assert counts.ratings + counts.corrections == len(self.stored) + len(self.refused)

    @invariant()
    def no_event_is_corrected_twice(self) -> None:
        corrected = [rating.data.corrects for rating in self.stored.values() if rating.data.corrects is not None]
        assert len(corrected) == len(set(corrected))

    @invariant()
    def no_hour_is_fuller_than_it_may_be(self) -> None:
        now = self.clock.monotonic()
        assert sum(now - at < HOUR_S for at in self.valid_at) <= RULES.max_per_hour


CounterDay.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestCounterDay = CounterDay.TestCase
