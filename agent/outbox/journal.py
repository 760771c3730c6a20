"""What the uplink must not forget over a restart: session numbers, and orders with their results."""

import sqlite3
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

SESSIONS_RESERVED = 100
ORDERS_KEPT = 500


class Journal(ABC):
    """The outbox's small tables. Any thread may call; each call is one short transaction."""

    def __init__(self) -> None:
        self._sessions_left = range(0)

    @abstractmethod
    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        """The connection, for one short transaction; errors leave as `TryAgain`."""

    def next_session(self) -> int:
        """A number no earlier connection of this counter had.

        Numbers are reserved on disk a hundred at a time, so reconnecting does not wear the card;
        after a restart the count goes on above the last reservation.
        """
        with self._using() as connection:
            if not self._sessions_left:
                connection.execute("update store set sessions = sessions + ? where id = 1", (SESSIONS_RESERVED,))
                top = connection.execute("select sessions from store").fetchone()[0]
                self._sessions_left = range(top - SESSIONS_RESERVED + 1, top + 1)
            session, self._sessions_left = self._sessions_left[0], self._sessions_left[1:]
            return session

    def begin_command(self, command_id: str, name: str) -> bytes | None:
        """Remember an order before it is carried out; the stored result if this id was seen before.

        Returns None for a new id, `b""` for one that is still being carried out.
        """
        with self._using() as connection:
            row = connection.execute("select result from command where id = ?", (command_id,)).fetchone()
            if row is not None:
                return row[0].encode() if row[0] is not None else b""
            connection.execute("begin immediate")
            connection.execute("insert into command (id, name) values (?, ?)", (command_id, name))
            connection.execute(
                "delete from command where rowid <= (select max(rowid) from command) - ? and result is not null",
                (ORDERS_KEPT,),
            )
            connection.execute("commit")
            return None

    def finish_command(self, command_id: str, result: bytes) -> None:
        """Keep an order's final result for repeated ids."""
        with self._using() as connection:
            connection.execute("update command set result = ? where id = ?", (result.decode(), command_id))

    def open_commands(self) -> list[tuple[str, str]]:
        """Orders a crash left without a result, as `(id, name)`."""
        with self._using() as connection:
            return connection.execute("select id, name from command where result is null order by rowid").fetchall()
