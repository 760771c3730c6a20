"""Chain heads in one line of text: what stands in the QR code that an inspector photographs.

    MOTCUA1 na-0123 01J6X4Q… alert:12:AbC… record:10452:Xyz…

Agent, epoch, then per lane the number of its last event and that event's hash. Whoever has the line can hold
it against any later copy of the events: `counter-agent verify --head`. Files of heads hold such lines, or what
knows heads anyway: watermarks, with or without the topic that `mosquitto_sub -v` prints, and lines of `verify --json`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import PersonMustAct
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


def heads_in(path: Path) -> list[Head]:
    """The heads in the file at *path*.

    Raises:
        PersonMustAct: it cannot be read, or says something that is no head.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PersonMustAct(f"{path}: {error}") from error
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if whole is not None:
        pieces = [(str(path), each) for each in (whole if isinstance(whole, list) else [whole])]
    else:
        pieces = [(f"{path}:{number}", line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    heads = []
    for where, piece in pieces:
        try:
            heads += _heads_of_line(piece) if isinstance(piece, str) else list(_heads_of_object("", piece))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            known = "a watermark, a line of `verify --json`, or the text of an inspection's QR code"
            raise PersonMustAct(f"{where} is not {known}") from error
    return heads


def _heads_of_line(line: str) -> list[Head]:
    if line.lstrip().startswith(_FORM):
        return read_heads(line)
    topic, brace, rest = line.partition("{")
    levels = topic.strip().split("/")
    return list(_heads_of_object(levels[3] if len(levels) > 3 else "", json.loads(brace + rest)))


def _heads_of_object(agent: str, said: Mapping[str, Any]) -> Iterator[Head]:
    """The heads of a watermark of *agent*, or of a verdict that found its stream whole."""
    if "lanes" in said:
        for lane, mark in said["lanes"].items():
            if mark["last"]:
                yield Head(agent, mark["epoch"], Lane(lane), int(mark["last"]), str(mark["head"]))
    elif said.get("broken") is None:
        yield Head(said["agent"], said["epoch"], Lane(said["lane"]), int(said["last"]), str(said["head"]))
