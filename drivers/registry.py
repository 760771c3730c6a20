"""Finds a driver class by kind and name through the entry points of installed packages.

Third parties add drivers the way this package does: a row under `counter_agent.<kind>` in their
own metadata. Nothing is imported until its name is asked for.
"""

from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from drivers.base import Driver

GROUP = "counter_agent.{kind}"


class UnknownDriver(LookupError):
    """No driver of that name; carries what is known and the nearest name."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        self.kind, self.name, self.known = kind, name, known
        close = get_close_matches(name, known, n=1)
        self.suggestion = close[0] if close else None
        super().__init__(f'no {kind} driver "{name}". Known: {", ".join(known)}.')


@cache
def _points(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP.format(kind=kind))}


def names(kind: str) -> list[str]:
    """The names of all installed drivers of *kind* (`keypad`, `camera`, …)."""
    return sorted(_points(kind))


def find(kind: str, name: str) -> type[Driver]:
    """The class of the *kind* driver called *name*.

    Raises:
        UnknownDriver: nothing of that name is installed.
    """
    if name not in _points(kind):
        raise UnknownDriver(kind, name, names(kind))
    loaded: type[Driver] = _points(kind)[name].load()
    return loaded
