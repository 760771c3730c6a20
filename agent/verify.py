"""`counter-agent verify`: whether each event in a file follows the one before it, from the bytes alone.

Reads a counter's outbox, a province's store, or events one a line, once from its beginning to its end, and
never writes. Numbers that a `gap` event in the same file declares dropped are no break; nor is a beginning that
has left after its audit days, nor what is missing among events salvaged from a damaged file. A changed last
event can only be told by comparing its hash, the head, with a watermark's: heads are printed for that.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from agent.errors import PersonMustAct
from agent.event import GENESIS, EventType, Lane
from agent.outbox.chain import Break, verify
from agent.outbox.lanes import is_sound
from agent.ranges import Ranges


class Place(NamedTuple):
    """One numbered stream of one counter."""

    agent: str
    epoch: str
    lane: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one stream."""

    place: Place
    count: int
    first: int
    last: int
    head: str
    """The hash of the last event that holds: a watermark that covers it must name it."""
    dropped: int
    """Numbers in between that the counter declared dropped."""
    broken: Break | None

    def payload(self) -> dict[str, Any]:
        """As JSON."""
        return self.place._asdict() | {key: value for key, value in asdict(self).items() if key != "place"}


class _Row(NamedTuple):
    place: Place
    seq: int
    body: bytes
    is_sound: bool = True
    """Whether its checksum fits."""
    is_salvaged: bool = False


def verify_file(path: Path) -> list[Verdict]:
    """Judge every stream in the file at *path*; the order is that of their names.

    Raises:
        PersonMustAct: the file cannot be read, or holds no events.
    """
    streams: dict[Place, _Stream] = {}
    declared: dict[Place, Ranges] = {}
    try:
        for row in _rows(path):
            streams.setdefault(row.place, _Stream()).take(row)
            for place, numbers in _declared(row):
                dropped = declared.setdefault(place, Ranges())
                for first, last in numbers:
                    dropped.add(first, last)
    except (OSError, sqlite3.Error) as error:
        raise PersonMustAct(f"{path}: {error}") from error
    if not streams:
        raise PersonMustAct(f"{path} holds no events")
    return [stream.verdict(place, declared.get(place, Ranges())) for place, stream in sorted(streams.items())]


# -- judging -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Stream:
    """One stream as far as it was read."""

    count: int = 0
    first: int = 0
    last: int = 0
    head: str = GENESIS
    holes: Ranges = field(default_factory=Ranges)
    broken: Break | None = None

    def take(self, row: _Row) -> None:
        previous: str | None = self.head
        if not self.count:
            self.first = row.seq
            previous = GENESIS if row.seq == 1 else None
        elif row.seq > self.last + 1:
            previous = None
            if not row.is_salvaged:
                self.holes.add(self.last + 1, row.seq - 1)
        self.count += 1
        if self.broken is None:
            if self.count > 1 and row.seq <= self.last:
                self.broken = Break(row.seq, f"it stands after event {self.last}")
            elif not row.is_sound:
                self.broken = Break(row.seq, "the row is not what was written")
            else:
                checked = verify([(row.seq, row.body)], previous=previous)
                self.broken = checked.broken
                self.head = checked.head if checked.count else self.head
        self.last = max(self.last, row.seq)

    def verdict(self, place: Place, declared: Ranges) -> Verdict:
        missing = self.holes.without(declared)
        broken = self.broken
        for first, last in missing.pairs(1):
            if broken is None or first < broken.seq:
                broken = Break(last + 1, f"events {first} to {last} are missing")
        dropped = len(self.holes) - len(missing)
        return Verdict(place, self.count, self.first, self.last, self.head, dropped, broken)


def _declared(row: _Row) -> Iterator[tuple[Place, Ranges]]:
    """Which numbers *row*, if it is a `gap` event, declares dropped."""
    kind = f"vn.motcua.{EventType.GAP}.v1"
    if not isinstance(row.body, bytes) or kind.encode() not in row.body:
        return
    try:
        event = json.loads(row.body)
        if event["type"] == kind:
            data = event["data"]
            yield row.place._replace(epoch=data["epoch"], lane=data["lane"]), Ranges(data["ranges"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return


# -- reading -----------------------------------------------------------------------------------------


def _rows(path: Path) -> Iterator[_Row]:
    with path.open("rb") as file:
        is_database = file.read(16) == b"SQLite format 3\0"
    if not is_database:
        yield from _lines(path)
        return
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
        if "event" in tables:
            order = "select agent, epoch, lane, seq, body from event order by agent, epoch, lane, seq"
            yield from (
                _Row(Place(agent, epoch, lane), seq, body) for agent, epoch, lane, seq, body in db.execute(order)
            )
        elif tables.issuperset(Lane):
            yield from _outbox(db)
        else:
            raise PersonMustAct(f"{path} is neither a counter's outbox nor a province's store")


def _outbox(db: sqlite3.Connection) -> Iterator[_Row]:
    (epoch,) = db.execute("select epoch from store").fetchone()
    agent = ""
    for source in (*Lane, "salvaged"):
        is_salvaged = source == "salvaged"
        named = "epoch, lane" if is_salvaged else f"'{epoch}', '{source}'"
        for its_epoch, lane, seq, body, crc in db.execute(
            f"select {named}, seq, body, crc from {source} order by 1, 2, 3"  # noqa: S608 - our own table names
        ):
            agent = agent or _agent(body)
            yield _Row(Place(agent, its_epoch, lane), seq, body, is_sound(body, crc), is_salvaged)


def _agent(body: bytes) -> str:
    try:
        return str(json.loads(body)["source"]).rpartition("/")[2]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _lines(path: Path) -> Iterator[_Row]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            body = line.rstrip(b"\r\n")
            if body:
                yield _read(body, f"{path}:{number}")


def _read(body: bytes, where: str) -> _Row:
    try:
        event = json.loads(body)
        place = Place(str(event["source"]).rpartition("/")[2], str(event["epoch"]), str(event["lane"]))
        return _Row(place, int(event["seq"]), body)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PersonMustAct(f"{where} is not an event; an export has one CloudEvent in JSON on each line") from error
