"""When votes leave the ballot box: in company, or at the day's end. Pure.

A vote goes into the box with the start of its bucket as its time; when exactly it was given is stored
nowhere. It leaves together with others of its *kind*: alike in all that somebody in the room could have
seen (keypad or phone, pressed twice, pressed while closed), so that what singles a person out to the eye
never singles a vote out to the reader. All that leave together carry one time, one boot and one clock.

- A bucket that is over, with `release_min` votes of a kind, goes. Fewer wait and join the next one.
- At the local midnight after it was given a vote goes in any case, alone if it must. Midnight and not the
  end of the opening hours: those are settings, and whoever shortened them would open the box.
- Within a boot only the time since the boot began is asked: no wall clock that jumps can open the box
  early or keep it shut. Across boots the wall clock is asked, if it can be believed on both sides and has
  not run backwards; otherwise this boot must have lasted long enough by itself.
- A late look lets out the same company that timely ones would have: it tells nothing more.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.clock import Moment
from agent.event import Fact

SECRET = frozenset({"level", "raw", "nonce", "first", "upgrade", "reasons", "comment"})
"""What of a rating nobody in the room could have seen. That it *was* corrected can be seen."""
BEFORE = timedelta(hours=4)
"""A vote of an earlier boot whose day nobody can know has waited a day when this boot has lasted so long."""

Held = Mapping[int, Fact]
"""The ballot box: facts by their handles."""
Choose = Callable[[Held], Sequence[tuple[int, Fact]]]


def bucket_of(at: datetime, bucket_min: int) -> datetime:
    """The start of the bucket of *at*: local minutes of the hour, rounded down; the second itself for 0."""
    if not bucket_min:
        return at.replace(microsecond=0)
    minutes = at.hour * 60 + at.minute
    hour, minute = divmod(minutes - minutes % bucket_min, 60)
    return at.replace(hour=hour, minute=minute, second=0, microsecond=0)


def sealed(fact: Fact, *, boot: str, bucket_min: int) -> Fact:
    """*fact* as it goes into the box in *boot*: with nothing that tells more than its bucket."""
    return replace(fact, at=bucket_of(fact.at, bucket_min), boot=boot)


@dataclass(frozen=True, slots=True)
class Release:
    """The rule. A vote goes by the bucket that it was promised, whatever is set since."""

    release_min: int = 3
    settle_s: float = 5.0
    """How long after its end a bucket may still be corrected."""

    def __call__(self, held: Held, now: Moment, boot: str) -> list[tuple[int, Fact]]:
        """What leaves *held* at *now* in *boot*, each vote as it shall be told."""
        leaving: list[tuple[int, Fact]] = []
        for ballots in _by_kind(held):
            waiting: list[tuple[int, Fact]] = []
            for bucket in _buckets(ballots):
                if not all(self._is_over(fact, now, boot) for _, fact in bucket):
                    break
                if self._is_day_over(waiting, now, boot) and waiting[0][1].at.date() != bucket[0][1].at.date():
                    leaving += _alike(waiting)
                    waiting = []
                waiting += bucket
                if len(waiting) >= self._company(waiting[0][1]):
                    leaving += _alike(waiting)
                    waiting = []
            if self._is_day_over(waiting, now, boot):
                leaving += _alike(waiting)
        return leaving

    def _company(self, fact: Fact) -> int:
        return self.release_min if _length(fact) else 1

    @staticmethod
    def _is_day_over(waiting: Sequence[tuple[int, Fact]], now: Moment, boot: str) -> bool:
        return any(_is_past(fact, _midnight(fact), now, boot, otherwise=BEFORE) for _, fact in waiting)

    def _is_over(self, fact: Fact, now: Moment, boot: str) -> bool:
        length = _length(fact)
        if not length:
            return True
        wait = length + timedelta(seconds=self.settle_s)
        return _is_past(fact, fact.at + wait, now, boot, otherwise=wait)


def _is_past(fact: Fact, mark: datetime, now: Moment, boot: str, *, otherwise: timedelta) -> bool:
    """Whether what *fact*'s own clock calls *mark* is past; by the age of this boot where no clock can tell."""
    if fact.boot == boot and fact.booted is not None:
        return now.age >= mark - fact.booted
    if fact.clock.is_trusted and now.quality.is_trusted and now.at >= fact.at:
        return now.at >= mark
    return now.age >= otherwise


def _length(fact: Fact) -> timedelta:
    return timedelta(minutes=fact.data["bucket_min"])


def _midnight(fact: Fact) -> datetime:
    return fact.at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _by_kind(held: Held) -> Iterator[list[tuple[int, Fact]]]:
    kinds: dict[Hashable, list[tuple[int, Fact]]] = {}
    for handle, fact in held.items():
        kinds.setdefault(_kind(fact), []).append((handle, fact))
    yield from kinds.values()


def _kind(fact: Fact) -> Hashable:
    seen = {name: str(value) for name, value in fact.data.items() if name not in SECRET}
    return frozenset(seen.items()), "first" in fact.data


def _buckets(ballots: Iterable[tuple[int, Fact]]) -> Iterator[list[tuple[int, Fact]]]:
    """*ballots* bucket by bucket, as they followed each other.

    Within a boot buckets are told apart by the time since it began. Those that a jump of the clock made overlap by
    more than half are one.
    """
    boots: dict[str | None, list[tuple[int, Fact]]] = {}
    for ballot in ballots:
        boots.setdefault(ballot[1].boot, []).append(ballot)
    for boot in sorted(boots.values(), key=lambda each: min(fact.at for _, fact in each)):
        in_order = sorted(boot, key=lambda ballot: _age_s(ballot[1]))
        bucket: list[tuple[int, Fact]] = []
        for ballot in in_order:
            if bucket and _age_s(ballot[1]) - _age_s(bucket[0][1]) >= _length(ballot[1]).total_seconds() / 2:
                yield bucket
                bucket = []
            bucket.append(ballot)
        yield bucket


def _age_s(fact: Fact) -> float:
    return (fact.at - (fact.booted or fact.at)).total_seconds()


def _alike(ballots: Sequence[tuple[int, Fact]]) -> list[tuple[int, Fact]]:
    """*ballots* with one time, boot and clock: the first one's that can be believed."""
    facts = [fact for _, fact in ballots]
    first = next((fact for fact in facts if fact.clock.is_trusted), facts[0])
    return [
        (handle, replace(fact, at=first.at, clock=first.clock, booted=first.booted, boot=first.boot))
        for handle, fact in ballots
    ]
