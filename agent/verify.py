"""`counter-agent verify`: whether each event in a file follows the one before it, from the bytes alone.

Reads a counter's outbox, a province's store, or events one a line, once from its beginning to its end, and
never writes. Numbers that a `gap` event in the same file declares dropped are no break; nor is a beginning that
has left after its audit days, nor what is missing among events salvaged from a damaged file.

A chain that was written anew from some event on holds by itself. What cannot be written anew is what others hold:
heads from watermarks, from earlier verdicts, from an inspector's photograph. Given some, the events must lead to each.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from agent.errors import PersonMustAct
from agent.event import GENESIS, EventType, Lane
from agent.outbox.chain import Break, verify
from agent.outbox.heads import Head
from agent.outbox.rows import Forms, form_column
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
    heads: int = 0
    """How many of the heads it was held against fit."""

    def payload(self) -> dict[str, Any]:
        """As JSON."""
        return self.place._asdict() | {key: value for key, value in asdict(self).items() if key != "place"}


class Row(NamedTuple):
    """An event in a file."""

    place: Place
    seq: int
    body: bytes
    is_sound: bool = True
    """Whether its checksum fits."""
    is_salvaged: bool = False


def verify_file(path: Path, heads: Iterable[Head] = ()) -> list[Verdict]:
    """Judge every stream in the file at *path*, held against *heads*; the order is that of their names.

    A head without an agent's name is of whichever agent wrote that epoch. One that is older than the first event
    here proves nothing and harms nothing; of one whose whole stream is missing there is a verdict too.

    Raises:
        PersonMustAct: the file cannot be read, or holds no events.
    """
    held = _by_place(heads)
    streams: dict[Place, _Stream] = {}
    declared: dict[Place, Ranges] = {}
    ended: set[tuple[str, str]] = set()
    try:
        for row in rows(path):
            if row.place not in streams:
                streams[row.place] = _Stream(_heads_of(row.place, held))
            streams[row.place].take(row)
            ended |= set(_ended(row))
            _note(row, declared)
    except (OSError, sqlite3.Error) as error:
        raise PersonMustAct(f"{path}: {error}") from error
    if not streams:
        raise PersonMustAct(f"{path} holds no events")
    for place, stream in streams.items():
        if (place.agent, place.epoch) in ended:
            stream.holes, stream.is_salvaged = Ranges(), True
    for place in held:
        if not any(place == there or place == there._replace(agent="") for there in streams):
            streams[place] = _Stream(held[place])
    return [stream.verdict(place, declared.get(place, Ranges())) for place, stream in sorted(streams.items())]


Held = dict[int, set[str]]
"""What heads say: the number of an event, and the hashes that it shall have."""


def _by_place(heads: Iterable[Head]) -> dict[Place, Held]:
    held: dict[Place, Held] = {}
    for head in heads:
        held.setdefault(Place(head.agent, head.epoch, head.lane), {}).setdefault(head.seq, set()).add(head.hash)
    return held


def _heads_of(place: Place, held: dict[Place, Held]) -> Held:
    """The heads of *place*, those without an agent's name among them."""
    own: Held = {}
    for named in (place, place._replace(agent="")):
        for seq, hashes in held.get(named, {}).items():
            own.setdefault(seq, set()).update(hashes)
    return own


# -- judging -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Stream:
    """One stream as far as it was read."""

    held: Held
    fitting: list[int] = field(default_factory=list)
    """The heads that fit, by their numbers."""
    is_salvaged: bool = False
    count: int = 0
    first: int = 0
    last: int = 0
    head: str = GENESIS
    holes: Ranges = field(default_factory=Ranges)
    broken: Break | None = None

    def take(self, row: Row) -> None:
        previous: str | None = self.head
        if not self.count:
            self.first = row.seq
            previous = GENESIS if row.seq == 1 else self._said_before(row.seq)
            self.is_salvaged = row.is_salvaged
        elif row.seq > self.last + 1:
            previous = self._said_before(row.seq)
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
                self._hold_against(row.seq)
        self.last = max(self.last, row.seq)

    def _said_before(self, seq: int) -> str | None:
        """The hash of the event before *seq*, which is not here, if a head names it."""
        return next(iter(self.held.get(seq - 1, ())), None)

    def _hold_against(self, seq: int) -> None:
        hashes = self.held.get(seq)
        if not hashes or self.broken is not None:
            return
        if hashes == {self.head}:
            self.fitting.append(seq)
            return
        since = f"after event {self.fitting[-1]}, whose head fits" if self.fitting else "somewhere up to here"
        self.broken = Break(seq, f"it is not the event that a head names; the chain was written anew {since}")

    def verdict(self, place: Place, declared: Ranges) -> Verdict:
        missing = self.holes.without(declared)
        broken = self.broken
        for first, last in missing.pairs(1):
            if broken is None or first < broken.seq:
                broken = Break(last + 1, f"events {first} to {last} are missing")
        known = max(self.held, default=0)
        if broken is None and known > self.last and not self.is_salvaged:
            broken = Break(self.last + 1, f"events {self.last + 1} to {known} are missing: a head names event {known}")
        dropped = len(self.holes) - len(missing)
        return Verdict(place, self.count, self.first, self.last, self.head, dropped, broken, len(self.fitting))


def _note(row: Row, declared: dict[Place, Ranges]) -> None:
    """Add what *row* declares dropped to *declared*."""
    for place, numbers in _declared(row):
        dropped = declared.setdefault(place, Ranges())
        for first, last in numbers:
            dropped.add(first, last)


def _declared(row: Row) -> Iterator[tuple[Place, Ranges]]:
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


def _ended(row: Row) -> Iterator[tuple[str, str]]:
    """The agent and the epoch that *row* says was put aside: only what could be saved of it is in the file."""
    kind = f"vn.motcua.{EventType.ALERT}.v1"
    if not isinstance(row.body, bytes) or b'"OUTBOX_REPLACED"' not in row.body:
        return
    try:
        event = json.loads(row.body)
        if event["type"] == kind and event["data"]["code"] == "OUTBOX_REPLACED":
            yield row.place.agent, str(event["data"]["old_epoch"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return


# -- reading -----------------------------------------------------------------------------------------


def rows(path: Path) -> Iterator[Row]:
    """Every event in the file at *path*, stream by stream, each in its order.

    Raises:
        PersonMustAct: it is no file of events.
        OSError, sqlite3.Error: it cannot be read.
    """
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
                Row(Place(agent, epoch, lane), seq, body) for agent, epoch, lane, seq, body in db.execute(order)
            )
        elif tables.issuperset(Lane):
            yield from _outbox(db)
        else:
            raise PersonMustAct(f"{path} is neither a counter's outbox nor a province's store")


def _outbox(db: sqlite3.Connection) -> Iterator[Row]:
    (epoch,) = db.execute("select epoch from store").fetchone()
    agent, forms = "", Forms(db)
    for source in (*Lane, "salvaged"):
        is_salvaged = source == "salvaged"
        form = "null" if is_salvaged else form_column(db, Lane(source))
        named = "epoch, lane" if is_salvaged else f"'{epoch}', '{source}'"
        for its_epoch, lane, seq, stored, number, crc in db.execute(
            f"select {named}, seq, body, {form}, crc from {source} order by 1, 2, 3"  # noqa: S608 - our own table names
        ):
            body = forms.event(stored, number, crc)
            agent = agent or _agent(body or b"")
            yield Row(Place(agent, its_epoch, lane), seq, body or b"", body is not None, is_salvaged)


def _agent(body: bytes) -> str:
    try:
        return str(json.loads(body)["source"]).rpartition("/")[2]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _lines(path: Path) -> Iterator[Row]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            body = line.rstrip(b"\r\n")
            if body:
                yield _read(body, f"{path}:{number}")


def _read(body: bytes, where: str) -> Row:
    try:
        event = json.loads(body)
        place = Place(str(event["source"]).rpartition("/")[2], str(event["epoch"]), str(event["lane"]))
        return Row(place, int(event["seq"]), body)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PersonMustAct(f"{where} is not an event; an export has one CloudEvent in JSON on each line") from error
