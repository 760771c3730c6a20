"""How many bytes a day's downloads may have, counted on the disk before they are fetched: a kill forgives none."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

from agent.files import replace_file
from agent.screen.content.fetch import BLOCK_BYTES
from agent.screen.content.line import Broken

STEP_BYTES = 4 * 2**20
"""So much is written down at once, so that the card is not worn by counting."""


class Allowance:
    """A day's bytes. One thread."""

    def __init__(self, path: Path, limit_bytes: int, today: Callable[[], date | None]) -> None:
        """*today* is None while the clock cannot be believed: then it is still the day that was written down."""
        self._path, self._limit_bytes, self._today = path, limit_bytes, today
        self._day, self._noted = "", 0
        self._spent = 0
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(path.read_bytes())
            self._day, self._noted = str(found["day"]), int(found["bytes"])
            self._spent = self._noted

    def spend(self, count: int) -> None:
        """*count* bytes have come, and no more than `BLOCK_BYTES` will before the next call.

        Raises:
            Broken: the day has no more.
            OSError: they cannot be written down.
        """
        self._turn_page()
        self._spent += count
        if self._spent + BLOCK_BYTES > self._noted:
            self._note(self._spent + STEP_BYTES)
        if self._spent >= self._limit_bytes:
            raise Broken("cap", limit=self._limit_bytes // 10**6)

    def settle(self) -> None:
        """Write down what was really spent: nothing is being fetched now."""
        if self._noted != self._spent:
            with suppress(OSError):  # then the day is a little shorter
                self._note(self._spent)

    def _turn_page(self) -> None:
        today = self._today()
        if today is not None and (day := today.isoformat()) != self._day:
            self._day, self._noted, self._spent = day, 0, 0

    def _note(self, count: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, json.dumps({"day": self._day, "bytes": count}).encode())
        self._noted = count
