"""The outbox's tables, as steps that sqlite-utils applies one transaction each.

Imported only when a database is behind (`PRAGMA user_version`): sqlite-utils is slow to import and
never stands on the press path. A released step is never edited; a change is a further step.

A lane is a table. Its rows are only ever added at the right edge and removed at the left one, and
its last row is never removed, so the next sequence number and the chain's head survive an emptied
lane. `stored` in a row is how far the province had confirmed the lane when the row was written:
the confirmation reaches the disk with the next event and costs no flush of its own.
"""

import sqlite3
import sys

from agent.event import Lane

# Where numpy is installed (it came for the camera's child), sqlite-utils imports it to know its types. None is
# ever stored here, and the daemon would carry 13 MiB of it from its first start to its second.
_numpy = sys.modules.get("numpy")
sys.modules["numpy"] = None  # type: ignore[assignment]
try:
    from sqlite_utils import Database, Migrations
finally:
    if _numpy is None:
        del sys.modules["numpy"]
    else:
        sys.modules["numpy"] = _numpy

STEPS = Migrations("outbox")


@STEPS()
def lanes(db: Database) -> None:
    for lane in Lane:
        db.execute(
            f"create table {lane} (seq integer primary key, body blob not null, crc integer not null,"
            " stored integer not null)"
        )


@STEPS()
def identity(db: Database) -> None:
    """One row: the epoch of this database, the sessions handed out, the events dropped undelivered."""
    db.execute(
        "create table store (id integer primary key check (id = 1), epoch text not null,"
        " sessions integer not null default 0, lost text not null default '{}')"
    )


@STEPS()
def commands(db: Database) -> None:
    """Orders from the province: stored before they are carried out, kept for repeated ids."""
    db.execute("create table command (id text primary key, name text not null, result text)")


@STEPS()
def salvaged(db: Database) -> None:
    """Events of older epochs, read out of databases that were put aside; they leave when the province has them."""
    db.execute(
        "create table salvaged (epoch text not null, lane text not null, seq integer not null, body blob not null,"
        " crc integer not null, primary key (epoch, lane, seq))"
    )


@STEPS()
def box(db: Database) -> None:
    """Votes that wait for company under random keys; tokens that have voted; every rating ever taken.

    Until this step lane `record` held nothing but ratings, so its last number is their count.
    """
    db.execute("create table box (ballot integer primary key, body blob not null, crc integer not null)")
    db.execute("create table spent (slot integer, token blob, primary key (slot, token)) without rowid")
    db.execute("alter table store add column taken integer not null default 0")
    db.execute("update store set taken = (select coalesce(max(seq), 0) from record)")


@STEPS()
def forms(db: Database) -> None:
    """Rows are kept as what differs from a form, and each form twice. `taken` in a row: how many ratings had gone
    straight into the lane by then, beside those counted in `store`; so a press writes to no other table."""
    db.execute(
        "create table form (id integer primary key, kind text not null, boot text not null, body blob not null,"
        " crc integer not null)"
    )
    db.execute("create table spare (id integer primary key, body blob not null, crc integer not null)")
    for lane in Lane:
        db.execute(f"alter table {lane} add column form integer")
        db.execute(f"alter table {lane} add column taken integer not null default 0")


def migrate(connection: sqlite3.Connection) -> None:
    """Apply every step that is missing; each whole or not at all."""
    STEPS.apply(Database(connection))
