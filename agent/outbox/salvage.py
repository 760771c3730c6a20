"""Reading what can still be read of a database that was put aside.

Rows keep their bytes, and with them their identity: epoch, lane, number, chain. They travel to the
province as what they always were, so one that had arrived already is stored once all the same.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent.event import Lane
from agent.outbox.rows import Forms, form_column, is_sound

CHUNK = 200


@dataclass
class Salvaged:
    """What came out of a damaged database."""

    epoch: str = ""
    rows: list[tuple[str, Lane, int, bytes]] = field(default_factory=list)
    """`(epoch, lane, seq, bytes)` of every sound row that the province had not confirmed."""
    sessions: int = 0
    ballots: list[tuple[int, bytes]] = field(default_factory=list)
    """Every sound vote of the ballot box, by its key."""
    spent: list[tuple[int, bytes]] = field(default_factory=list)
    """The tokens that had voted, `(slot, token)`."""
    last: dict[Lane, int] = field(default_factory=dict)
    """The highest number seen of each lane, confirmed or not."""


def salvage(path: Path) -> Salvaged:
    """Read every sound, unconfirmed row and every vote of the database at *path*; never raises for what is broken."""
    found = Salvaged()
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as connection:
        with suppress(sqlite3.Error):
            found.epoch, found.sessions = connection.execute("select epoch, sessions from store").fetchone() or ("", 0)
        for lane in Lane:
            _salvage_lane(connection, lane, found)
        with suppress(sqlite3.Error):
            older = connection.execute("select epoch, lane, seq, body, crc from salvaged").fetchall()
            found.rows += [(e, Lane(lane), seq, body) for e, lane, seq, body, crc in older if is_sound(body, crc)]
        with suppress(sqlite3.Error):
            for key, body, crc in connection.execute("select ballot, body, crc from box"):
                if is_sound(body, crc):
                    found.ballots.append((key, body))
        with suppress(sqlite3.Error):
            for slot, token in connection.execute("select slot, token from spent"):
                found.spent.append((slot, token))
    return found


def _salvage_lane(connection: sqlite3.Connection, lane: Lane, found: Salvaged) -> None:
    stored = 0
    sound: dict[int, bytes] = {}
    forms = Forms(connection)
    for seq, packed, crc, upto, form in _rows(connection, lane):
        body = forms.event(packed, form, crc)
        if body is not None:
            sound[seq] = body
            stored = max(stored, upto if isinstance(upto, int) and upto <= seq else 0)
    if sound:
        found.last[lane] = max(sound)
    for seq, body in sound.items():
        epoch = found.epoch or _epoch_of(body)
        if seq > stored and epoch:
            found.epoch = epoch
            found.rows.append((epoch, lane, seq, body))


def _rows(connection: sqlite3.Connection, lane: Lane) -> Iterator[tuple[int, bytes, int, int, int | None]]:
    """All rows that can be reached: upwards until a damaged page, then downwards from the end until it."""
    highest, form = 0, "form"
    with suppress(sqlite3.Error):
        form = form_column(connection, lane)
    for direction, bound in (("asc", "seq > ?"), ("desc", "seq < ?")):
        edge = 0 if direction == "asc" else 2**62
        with suppress(sqlite3.Error):
            while True:
                rows = connection.execute(
                    f"select seq, body, crc, stored, {form} from {lane} where {bound} order by seq {direction}"
                    f" limit {CHUNK}",
                    (edge,),
                ).fetchall()
                fresh = [row for row in rows if direction == "asc" or row[0] > highest]
                yield from fresh
                if len(fresh) < CHUNK:
                    break
                edge = fresh[-1][0]
                highest = max(highest, edge) if direction == "asc" else highest


def _epoch_of(body: bytes) -> str:
    try:
        return str(json.loads(body)["epoch"])
    except (ValueError, KeyError, TypeError):
        return ""
