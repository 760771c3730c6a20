"""How an event stands in a row: as what it says anew, with the checksum of its bytes.

Nearly all of an event was said by one of its kind before. So a row is deflated (RFC 1951) against a form, an
event of the same kind and boot that is kept apart: a rating of 570 bytes takes 60 to 90, and a commit writes one
page to the card instead of four. A row without a form is the event itself.

Without its form a row cannot be read. So each form stands in two tables, never on one page, each with its own
checksum; whichever is sound is believed. The checksum of a row is that of the event, so a wrong form is noticed
as a wrong row is. What a citizen wrote never becomes a form: it would outlive its audit days.
"""

import sqlite3
import zlib
from collections.abc import Iterator
from typing import TypeGuard

from agent.event import EventType, Fact, Lane
from agent.outbox.database import is_damage

WINDOW = 12
"""As a power of two: what a deflated row can look back on. Four kilobytes hold a form and its row."""
TABLES = ("form", "spare")


class RowDamaged(sqlite3.DatabaseError):
    """A row is not what was written, though SQLite could read it: SQLite has no checksums."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def is_sound(body: object, crc: object) -> TypeGuard[bytes]:
    """Whether bytes are what was written; one rotten bit may also have changed their type."""
    return isinstance(body, bytes) and zlib.crc32(body) == crc


def _as_far_as_it_goes(text: bytes) -> str:
    """One rotten bit makes text of a row's bytes: it is damaged then, and not refused by Python's decoder."""
    return text.decode(errors="replace")


class Forms:
    """The forms of one open database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.text_factory = _as_far_as_it_goes
        self._connection = connection
        self._boot = ""
        self._known: dict[object, bytes] = {}
        self._deflaters: dict[EventType, tuple[int, zlib._Compress]] = {}

    # -- reading ---------------------------------------------------------------------------------

    def event(self, stored: object, form: object, crc: object) -> bytes | None:
        """The bytes of an event from its row; None when they are not what was written.

        Raises:
            sqlite3.Error: the disk refuses.
        """
        body = stored
        if form is not None:
            words = self._known.get(form) or self._form(form)
            if words is None or not isinstance(stored, bytes):
                return None
            try:
                body = zlib.decompressobj(-WINDOW, words).decompress(stored)
            except zlib.error:
                return None
        return body if is_sound(body, crc) else None

    def _form(self, number: object) -> bytes | None:
        found = None
        for table in TABLES if isinstance(number, int) else ():
            try:
                row = self._connection.execute(f"select body, crc from {table} where id = ?", (number,)).fetchone()
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                continue
            if row is not None and is_sound(row[0], row[1]):
                self._known[number] = found = row[0]
                break
        return found

    def are_sound(self) -> bool:
        """Whether every form is there twice, as it was written."""
        ask = self._connection.execute
        first, second = (ask(f"select id, body, crc from {table} order by id").fetchall() for table in TABLES)
        return first == second and all(is_sound(body, crc) for _, body, crc in first)

    # -- writing ---------------------------------------------------------------------------------

    def begin(self, boot: str) -> None:
        """Write with the forms of this boot: what changes with it is said in every event."""
        self._boot = boot
        kinds = self._connection.execute("select kind, max(id) from form where boot = ? group by kind", (boot,))
        by_name = {kind.value: kind for kind in EventType}
        for name, number in kinds.fetchall():
            words = self._form(number)
            if words is not None and name in by_name:
                self._use(by_name[name], number, words)

    def _use(self, kind: EventType, number: int, words: bytes) -> None:
        # Fixed codes: there are too few bytes for codes of their own to pay, and they are found in half the time.
        deflater = zlib.compressobj(1, zlib.DEFLATED, -WINDOW, 1, zlib.Z_FIXED, words)
        self._deflaters[kind] = number, deflater

    def are_missing(self, fact: Fact) -> bool:
        """Whether *fact* ought to become the form of its kind."""
        return fact.type not in self._deflaters and "comment" not in fact.data

    def add(self, kind: EventType, body: bytes) -> None:
        """Make *body* the form of its *kind*; inside the caller's transaction. Forms that nothing needs leave."""
        self._forget_old()
        crc = zlib.crc32(body)
        (number,) = self._connection.execute("select coalesce(max(id), 0) + 1 from form").fetchone()
        self._connection.execute("insert into form values (?, ?, ?, ?, ?)", (number, kind, self._boot, body, crc))
        self._connection.execute("insert into spare values (?, ?, ?)", (number, body, crc))
        self._known[number] = body
        self._use(kind, number, body)

    def _forget_old(self) -> None:
        """Rows are in the order in which they happened, so a lane needs no form of a boot before its first row's."""
        firsts = [self._connection.execute(f"select form from {lane} order by seq limit 1").fetchone() for lane in Lane]
        numbers = [row[0] for row in firsts if row is not None]
        if None in numbers:
            return  # an event that stands for itself does not say of which boot its neighbours' forms are
        marks = ", ".join("?" * len(numbers))
        (oldest,) = self._connection.execute(
            f"select min(id) from form where boot in (select boot from form where id in ({marks}))",
            numbers,
        ).fetchone()
        for table in TABLES if oldest is not None else ():
            self._connection.execute(f"delete from {table} where id < ?", (oldest,))

    def pack(self, kind: EventType, body: bytes) -> tuple[bytes, int | None]:
        """What a row keeps of an event, and the number of its form."""
        form = self._deflaters.get(kind)
        if form is None:
            return body, None
        number, deflater = form
        fresh = deflater.copy()
        packed = fresh.compress(body) + fresh.flush()
        return (packed, number) if len(packed) < len(body) else (body, None)


def form_column(connection: sqlite3.Connection, lane: Lane) -> str:
    """Where *lane*'s table says which form a row has; in a file of an early version, nowhere."""
    columns = {column[1] for column in connection.execute(f"pragma table_info({lane})")}
    return "form" if "form" in columns else "null"


def events(connection: sqlite3.Connection, lane: Lane) -> Iterator[tuple[int, bytes]]:
    """Every event of *lane*, `(seq, bytes)`, for whoever looks at a file from outside.

    Raises:
        RowDamaged: one of them is not what was written.
    """
    forms, form = Forms(connection), form_column(connection, lane)
    for seq, stored, crc, number in connection.execute(f"select seq, body, crc, {form} from {lane} order by seq"):
        body = forms.event(stored, number, crc)
        if body is None:
            raise RowDamaged(f"event {lane}/{seq} is damaged")
        yield seq, body
