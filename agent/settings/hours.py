"""Opening hours: a pure answer to "is the counter open at this moment?".

In the file a key is a day (`mon`) or a range of days (`mon-fri`, also across the week's end), and
a value is a list of spans `"07:00-11:30"` up to `"24:00"`. Here every open day stands by itself with
its spans in order, so two ways to write the same week are equal. Times are zero-padded text and
compare as such.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, RootModel

from agent.language import Language
from agent.settings.refusal import refuse

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(([01]\d|2[0-3]):([0-5]\d)|24:00)")
_LOOSE_SPAN = re.compile(r"\s*(\d{1,2})\s*[:hg.]\s*(\d{2})?\s*[-–—]\s*(\d{1,2})\s*[:hg.]\s*(\d{2})?\s*", re.IGNORECASE)


def days_in(key: str) -> list[str]:
    """The days a key names, in order; empty when it names none."""
    first, _, last = key.partition("-")
    if first not in DAYS or (last or first) not in DAYS or key.endswith("-"):
        return []
    start, end = DAYS.index(first), DAYS.index(last or first)
    return [DAYS[(start + step) % 7] for step in range((end - start) % 7 + 1)]


def _days(key: str) -> str:
    if not days_in(key):
        raise refuse("hours_day", seen=key)
    return key


def _span(text: str) -> str:
    if not _SPAN.fullmatch(text):
        loose = _LOOSE_SPAN.fullmatch(text)
        if loose:
            start_h, start_min, end_h, end_min = loose.groups(default="00")
            better = f"{int(start_h):02}:{start_min}-{int(end_h):02}:{end_min}"
            if _SPAN.fullmatch(better):
                raise refuse("hours_span_close", seen=text, suggestion=better)
        raise refuse("hours_span", seen=text)
    start, end = text.split("-")
    if start >= end:
        raise refuse("hours_order", seen=text)
    return text


def _apart(spans: tuple[str, ...]) -> tuple[str, ...]:
    """The spans of one day in order; no two of them overlap."""
    taken: list[str] = []
    for index, span in enumerate(spans):
        for other in taken:
            if span[:5] < other[6:] and other[:5] < span[6:]:
                raise refuse("spans_overlap", at=[index], seen=span, other=other)
        taken.append(span)
    return tuple(sorted(taken))


def _by_day(week: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    taken: dict[str, list[str]] = {}
    for key, spans in week.items():
        for day in days_in(key):
            for index, span in enumerate(spans):
                start, end = span.split("-")
                for other in taken.setdefault(day, []):
                    other_start, other_end = other.split("-")
                    if start < other_end and other_start < end:
                        raise refuse("hours_overlap", at=[key, index], day=day, seen=span, other=other)
                taken[day].append(span)
    return {day: tuple(sorted(taken[day])) for day in DAYS if taken.get(day)}


_KEY_PATTERN = "^({0})(-({0}))?$".format("|".join(DAYS))
_SPAN_PATTERN = f"^{_SPAN.pattern}$"
Days = Annotated[str, AfterValidator(_days), Field(json_schema_extra={"pattern": _KEY_PATTERN})]
Span = Annotated[str, AfterValidator(_span), Field(json_schema_extra={"pattern": _SPAN_PATTERN})]

Spans = Annotated[tuple[Span, ...], AfterValidator(_apart)]
"""The hours of one day."""

Week = Annotated[
    dict[Days, tuple[Span, ...]],
    Field(min_length=1, json_schema_extra={"additionalProperties": False}),
    AfterValidator(_by_day),
]


class Hours(RootModel[Week]):
    """A week of opening hours."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    def is_open(self, moment: datetime) -> bool:
        """Whether the counter is open at *moment*, which is in the counter's own zone."""
        clock = moment.strftime("%H:%M")
        return any(start <= clock < end for start, end in self.spans(moment))

    def spans(self, moment: datetime) -> list[tuple[str, str]]:
        """The opening spans of *moment*'s day, as pairs of `HH:MM`, in order."""
        return pairs(self.root.get(DAYS[moment.weekday()], ()))

    def spell(self, words: Language) -> str:
        """The week as people read it: `Thứ Hai – Thứ Sáu: 07:00–11:30, 13:30–17:00`; empty when never open."""
        runs: list[tuple[str, str, tuple[str, ...]]] = []
        for day in DAYS:
            spans = self.root.get(day, ())
            if runs and runs[-1][2] == spans:
                runs[-1] = (runs[-1][0], day, spans)
            else:
                runs.append((day, day, spans))
        return "; ".join(
            f"{_days_in_words(first, last, words)}: {', '.join(span.replace('-', '–') for span in spans)}"
            for first, last, spans in runs
            if spans
        )

    def __hash__(self) -> int:
        return hash(tuple(self.root.items()))


def _days_in_words(first: str, last: str, words: Language) -> str:
    names = [words.text(f"hours.{day}") for day in dict.fromkeys((first, last))]
    return " – ".join(names)


def pairs(spans: Iterable[str]) -> list[tuple[str, str]]:
    """Spans as pairs of `HH:MM`."""
    return [(span[:5], span[6:]) for span in spans]


def office_hours() -> Hours:
    """What most communes keep: Monday to Friday, morning and afternoon."""
    week: dict[str, Any] = {"mon-fri": ["07:00-11:30", "13:30-17:00"]}
    return Hours.model_validate(week)
