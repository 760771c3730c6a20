"""Chain heads in one line of text: what stands in the QR code that an inspector photographs.

    MOTCUA1 na-0123 01J6X4Q… alert:12:AbC… record:10452:Xyz…

Agent, epoch, then per lane the number of its last event and that event's hash. Whoever has the line can hold
it against any later copy of the events: `counter-agent verify --head`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.event import Lane
from agent.outbox.lanes import Mark

_FORM = "MOTCUA1"
_LANE = re.compile(r"(alert|record|metric):([1-9][0-9]{0,9}):([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Head:
    """The hash of event *seq* of one stream, as it was seen when it was the last."""

    agent: str
    epoch: str
    lane: str
    seq: int
    hash: str


def heads_of(agent: str, marks: Mapping[Lane, Mark]) -> list[Head]:
    """The heads of the lanes that hold anything."""
    return [Head(agent, mark.epoch, lane, mark.last, mark.head) for lane, mark in marks.items() if mark.last]


def spell(agent: str, epoch: str, heads: Iterable[Head]) -> str:
    """*heads* of one agent and epoch in one line."""
    return " ".join([_FORM, agent, epoch, *(f"{head.lane}:{head.seq}:{head.hash}" for head in heads)])


def read_heads(text: str) -> list[Head]:
    """Read what `spell` wrote.

    Raises:
        ValueError: it is no such line.
    """
    form, _, rest = " ".join(text.split()).partition(" ")
    agent, epoch, *lanes = rest.split(" ") if rest.count(" ") else ("", "")
    found = [_LANE.fullmatch(lane) for lane in lanes]
    if form != _FORM or not agent or not epoch or not all(found):
        raise ValueError(f"not a line of chain heads; it begins with {_FORM} and the agent's name")
    return [Head(agent, epoch, each[1], int(each[2]), each[3]) for each in found if each is not None]
