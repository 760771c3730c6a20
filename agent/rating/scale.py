"""Scales: the levels a citizen can choose between, 0 the worst.

A scale is a value: its `hash` stays the same as long as the levels, their order and what counts
as satisfied stay the same, so a rating can always be read by the scale it was given on. The three
scales of the house are named after the forms used at Vietnamese one-stop counters; "bình thường"
is not satisfied. Their labels live in the message files under `level.<id>`.
"""

import hashlib
import json
from dataclasses import dataclass, field

from agent.language import Language


@dataclass(frozen=True, slots=True)
class Level:
    """One answer. *id* names it in events; *labels* are texts by language code where a scale is spelled out."""

    id: str
    is_satisfied: bool
    labels: tuple[tuple[str, str], ...] = field(default=(), kw_only=True)

    def label(self, language: Language) -> str:
        """What people read on the key and in reports."""
        if not self.labels:
            return language.text(f"level.{self.id}")
        own = dict(self.labels)
        return own.get(language.code, next(iter(own.values())))


@dataclass(frozen=True, slots=True)
class Scale:
    """Levels from the worst (0) to the best."""

    id: str
    levels: tuple[Level, ...]

    def __contains__(self, level: object) -> bool:
        return isinstance(level, int) and 0 <= level < len(self.levels)

    @property
    def best(self) -> int:
        return len(self.levels) - 1

    @property
    def satisfied(self) -> frozenset[int]:
        """The levels that count as satisfied in every figure."""
        return frozenset(index for index, level in enumerate(self.levels) if level.is_satisfied)

    @property
    def hash(self) -> str:
        """16 hexadecimal digits over everything that gives a level its meaning."""
        meaning = [self.id, [[level.id, level.is_satisfied, list(level.labels)] for level in self.levels]]
        body = json.dumps(meaning, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(body.encode()).hexdigest()[:16]


_VERY_DISSATISFIED = Level("very_dissatisfied", is_satisfied=False)
_DISSATISFIED = Level("dissatisfied", is_satisfied=False)
_NEUTRAL = Level("neutral", is_satisfied=False)
_SATISFIED = Level("satisfied", is_satisfied=True)
_VERY_SATISFIED = Level("very_satisfied", is_satisfied=True)

VN3 = Scale("vn3", (_DISSATISFIED, _SATISFIED, _VERY_SATISFIED))
VN4 = Scale("vn4", (_DISSATISFIED, _NEUTRAL, _SATISFIED, _VERY_SATISFIED))
VN5 = Scale("vn5", (_VERY_DISSATISFIED, _DISSATISFIED, _NEUTRAL, _SATISFIED, _VERY_SATISFIED))

SCALES = {scale.id: scale for scale in (VN3, VN4, VN5)}
"""The scales that can be chosen by name."""
