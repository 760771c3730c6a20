"""The desk: the rules of one counter that turn presses and votes into ratings. Pure: no I/O, and no clock is read.

- Every press is one of four: a rating, a correction, a repeat, garbage. None vanishes, none is two.
- The first press is a rating at once. Another key within `correction_s` of it is a correction: both
  values are kept and the new one stands, downwards always, upwards with a mark, because raising
  somebody's bad rating with a second press is what staff would do.
- While nearly all corrections of a counter raise the rating, they are believed no longer: the first
  press stands, and what would have raised it is kept and flagged.
- Any other press within `lockout_s` is kept and flagged; so is what exceeds `max_per_hour`, and what
  is pressed while the counter is closed. Flagged, never deleted.
- It is always armed: no order, person or mode switches it on or off. A training or an inspection flags
  what is pressed inside it, and its sessions are its own.
- A phone's vote is a turn of its own: it is never a correction, and corrects nothing. It is judged by the time
  its code was shown, however late it arrives.
- Windows run from the session's first press and are not prolonged, so nobody can hold the keypad
  locked by pressing on.
- Only monotonic seconds order anything; a wall clock that jumps cannot change an outcome, but for the
  opening hours, which are its only use.

A rating takes effect by `settle`, when it is stored: what was not stored opened no session.
"""

from bisect import insort
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from agent.rating.keypad.keys import Contact, Keys, Touch
from agent.rating.record import Channel, Flag, RatingData
from agent.rating.scale import Scale
from agent.rating.urn import Vote
from drivers.base import Press

HOUR_S = 3600.0
BURST_COUNT, BURST_S = 6, 20.0
"""So many presses within so many seconds are a burst."""
JUDGED = 20
ABNORMAL = 16
"""So many upgrades among the last corrections: where both directions are alike, chance does that once in 170 times."""

LATEST_S = 400 * 86400.0
"""No vote is on its way for longer; a code that seems older was shown by a clock that was wrong."""

MODES = frozenset({Flag.TRAINING, Flag.INSPECTION})


def always_open(_: datetime) -> bool:
    """The opening hours of a counter that has none."""
    return True


def no_mode(_: float) -> Flag | None:
    """The mode of a counter that has none."""
    return None


@dataclass(frozen=True, slots=True)
class Rules:
    correction_s: float = 4.0
    lockout_s: float = 8.0
    max_per_hour: int = 40
    is_open: Callable[[datetime], bool] = always_open
    """Whether the counter is open at an aware wall time."""
    mode: Callable[[float], Flag | None] = no_mode
    """The flag of the mode that was on at a monotonic second."""


class NoSuchLevel(ValueError):
    """A vote for a level that the scale does not have."""


@dataclass(frozen=True, slots=True)
class Rating:
    """A press or a vote that is to be stored."""

    data: RatingData
    at_monotonic: float

    @property
    def is_correction(self) -> bool:
        return self.data.corrects is not None


@dataclass(slots=True)
class Counts:
    """What became of every press and vote since the desk began. Written by the desk's thread, read by anyone."""

    ratings: int = 0
    votes: int = 0
    corrections: int = 0
    repeats: int = 0
    garbage: int = 0


@dataclass(slots=True)
class _Session:
    """One citizen's turn: opened by a rating, corrected within it."""

    opened_at: float
    first: int
    standing: int
    event_id: str
    flags: tuple[Flag, ...]
    mode: Flag | None


class Desk:
    """The rules and the memory of one counter."""

    def __init__(
        self, scale: Scale, keys: Mapping[str, Keys], rules: Rules, *, counter: int = 1, commune: str = ""
    ) -> None:
        """*keys* by keypad: all keypads of a counter share its sessions.

        Raises:
            ValueError: a key means a level that *scale* does not have.
        """
        strange = {level for each in keys.values() for level in each.levels.values() if level not in scale}
        if strange:
            raise ValueError(f"scale {scale.id} has levels 0 to {scale.best}, but keys mean {sorted(strange)}")
        self.counts = Counts()
        self._scale = scale
        self._keys = dict(keys)
        self._rules = rules
        self._counter = counter
        self._commune = commune
        self._contacts = {keypad: Contact(each) for keypad, each in keys.items()}
        self._sessions: dict[Flag | None, _Session] = {}
        """The last session of each mode, and (None) of citizens: a training that ends does not open a locked desk."""
        self._valid_at: deque[float] = deque()
        self._pressed_at: deque[float] = deque(maxlen=BURST_COUNT)
        self._were_upgrades: deque[bool] = deque(maxlen=JUDGED)

    def press(self, keypad: str, press: Press, *, wall: datetime | None = None) -> Rating | Touch:
        """Judge one press; a `Rating` is to be stored and then settled.

        *wall* is the press's aware wall time; None when the wall clock cannot be believed, and then no
        rating is held to be out of hours.
        """
        touch = self._contacts[keypad].feel(press.code, press.at_monotonic)
        if touch is Touch.GARBAGE:
            self.counts.garbage += 1
            return touch
        if touch is not Touch.PRESS:
            self.counts.repeats += 1
            return touch
        rating = self._judge(self._keys[keypad], press, wall)
        if rating.is_correction:
            self.counts.corrections += 1
        else:
            self.counts.ratings += 1
        return rating

    def settle(self, rating: Rating, event_id: str) -> None:
        """*rating* is stored under *event_id*: from now on it can be corrected, and it counts for its hour."""
        data = rating.data
        if data.corrects is not None:
            if data.valid:
                self._were_upgrades.append(data.upgrade is True)
            session = self._sessions.get(_mode_of(data))
            if session is not None:
                session.standing, session.event_id = data.level, event_id
        elif Flag.UPGRADE in data.flags:
            self._were_upgrades.append(True)
        elif Flag.LOCKOUT not in data.flags:
            mode = _mode_of(data)
            self._sessions[mode] = _Session(rating.at_monotonic, data.level, data.level, event_id, data.flags, mode)
            if data.valid:
                insort(self._valid_at, rating.at_monotonic)

    def vote(self, vote: Vote, *, at: float, wall: datetime | None = None, in_slot: int = 0) -> Rating:
        """Judge a phone's vote that came at the monotonic second *at*; it is to be stored and then settled.

        *wall* is the aware wall time, None when it cannot be believed; *in_slot* says how many tokens of the same
        slot have voted.

        Raises:
            NoSuchLevel: it can never be a rating.
        """
        if vote.level not in self._scale:
            raise NoSuchLevel(f"scale {self._scale.id} has levels 0 to {self._scale.best}")
        given, given_at = _given(vote, wall, at)
        mode = self._rules.mode(given_at)
        flags = []
        if vote.is_static or vote.token is None:
            flags.append(Flag.LOW_TRUST)
        elif in_slot >= vote.token.quota:
            flags.append(Flag.QUOTA)
        elif self._is_full(given_at):
            flags.append(Flag.CAPACITY)
        if given is not None and not self._rules.is_open(given):
            flags.append(Flag.OFF_HOURS)
        if mode is not None:
            flags.append(mode)
        answer = {
            "level": vote.level,
            "channel": Channel.QR_STATIC if Flag.LOW_TRUST in flags else Channel.QR,
            "reasons": vote.reasons or None,
            "comment": vote.comment or None,
        }
        return self._rating(answer, given_at, tuple(flags))

    def settle_vote(self, rating: Rating) -> None:
        """A phone's *rating* is stored: it counts for its hour."""
        self.counts.votes += 1
        if rating.data.valid:
            insort(self._valid_at, rating.at_monotonic)

    def _judge(self, keys: Keys, press: Press, wall: datetime | None) -> Rating:
        level, at, mode = keys.levels[press.code], press.at_monotonic, self._rules.mode(press.at_monotonic)
        self._pressed_at.append(at)
        session = self._sessions.get(mode)
        age_s = at - session.opened_at if session is not None else float("inf")
        if session is not None and age_s < self._rules.correction_s and level != session.standing:
            if level > session.standing and session.mode is None and self._are_upgrades_abnormal:
                return self._press(keys, press, (*session.flags, Flag.UPGRADE), {})
            correction = {
                "first": session.first,
                "corrects": session.event_id,
                "upgrade": True if level > session.standing else None,
            }
            return self._press(keys, press, session.flags, correction)
        flags = []
        if age_s < self._rules.lockout_s:
            flags.append(Flag.LOCKOUT)
        elif self._is_full(at):
            flags.append(Flag.CAPACITY)
        if wall is not None and not self._rules.is_open(wall):
            flags.append(Flag.OFF_HOURS)
        if mode is not None:
            flags.append(mode)
        return self._press(keys, press, tuple(flags), {})

    def _press(self, keys: Keys, press: Press, flags: tuple[Flag, ...], correction: Mapping[str, object]) -> Rating:
        answer = {
            "level": keys.levels[press.code],
            "raw": press.code,
            "keymap": keys.hash,
            "burst": True if self._is_burst(press.at_monotonic) else None,
            **correction,
        }
        return self._rating(answer, press.at_monotonic, flags)

    def _rating(self, answer: Mapping[str, object], at: float, flags: tuple[Flag, ...]) -> Rating:
        data = RatingData.model_validate(
            {
                "scale": self._scale.id,
                "scale_hash": self._scale.hash,
                "counter": self._counter,
                "commune": self._commune,
                "valid": not flags,
                "flags": flags,
                **answer,
            }
        )
        return Rating(data, at)

    def _is_full(self, at: float) -> bool:
        """Whether the hour before *at* already holds all the ratings it may."""
        while self._valid_at and max(at, self._valid_at[-1]) - self._valid_at[0] >= HOUR_S:
            self._valid_at.popleft()
        return sum(each <= at for each in self._valid_at) >= self._rules.max_per_hour

    def _is_burst(self, at: float) -> bool:
        return len(self._pressed_at) == BURST_COUNT and at - self._pressed_at[0] < BURST_S

    @property
    def _are_upgrades_abnormal(self) -> bool:
        return sum(self._were_upgrades) >= ABNORMAL


def _mode_of(data: RatingData) -> Flag | None:
    """The mode in which *data* was given, if there was one."""
    return next((flag for flag in data.flags if flag in MODES), None)


def _given(vote: Vote, wall: datetime | None, at: float) -> tuple[datetime | None, float]:
    """When *vote*, which came at the wall time *wall*, was given: the wall time, if known, and the monotonic second."""
    if vote.token is None or wall is None:
        return wall, at
    late_s = wall.timestamp() - vote.token.shown_at_s
    if not 0 <= late_s <= LATEST_S:
        return wall, at
    return datetime.fromtimestamp(vote.token.shown_at_s, wall.tzinfo), at - late_s
