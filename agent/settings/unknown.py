"""Keys nobody knows: what the writer probably meant.

In this order: a key of the file format that comes with a later version; another spelling of a key
that stands here (`keyFile`, `key-file`); a key of another section or another driver; a near miss;
otherwise the keys that could stand here.
"""

import re
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from agent.settings.model import Camera, Counter, Display, Keypad, Outbox, Qr, Rating, Screen, Settings, Uplink, Web
from agent.settings.problem import Path, shorten
from drivers import registry

DEVICES = {"keypads": "keypad", "displays": "display", "cameras": "camera"}
"""Lists of devices in the file, and their kind in the registry of drivers."""

LATER: set[str] = set()
"""Keys of the file format whose feature this version does not have."""

LATER_VALUES: dict[tuple[str, str], set[str]] = {}
"""By section and key: values of the file format whose feature this version does not have."""

SECTIONS: dict[str, type[BaseModel]] = {
    "": Settings,
    "counter": Counter,
    "uplink": Uplink,
    "outbox": Outbox,
    "rating": Rating,
    "keypads": Keypad,
    "qr": Qr,
    "displays": Display,
    "cameras": Camera,
    "screen": Screen,
    "web": Web,
}


def keys_of(section: str) -> list[str]:
    """The keys that may stand in *section*, whichever driver is chosen there."""
    return [name for name in SECTIONS[section].model_fields if name != "options"]


def unknown_key(path: Path, known: list[str]) -> tuple[str, dict[str, Any]]:
    """The code and the values of the words for the unknown key at *path*, where *known* could stand."""
    key = str(path[-1])[:64]
    section = next((step for step in path[:-1] if isinstance(step, str)), "")
    seen = {"seen": shorten(str(path[-1]))}
    name = ".".join(step for step in path if isinstance(step, str))
    if name in LATER:
        return "later_key", {"seen": name}
    same = next((candidate for candidate in known if _plain(candidate) == _plain(key)), None)
    if same is not None:
        code = "unknown_close" if key.isprintable() and not re.search(r"\s", key) else "unknown_space"
        return code, {**seen, "suggestion": same, "known": ", ".join(known)}
    if len(path) > 1 and key in keys_of(""):
        return "unknown_top", seen
    drivers = _drivers_with(key, section) if section in DEVICES else []
    if drivers:
        return "unknown_option", {**seen, "known": ", ".join(drivers)}
    return _otherwise(key, section, seen, known)


def _otherwise(key: str, section: str, seen: dict[str, Any], known: list[str]) -> tuple[str, dict[str, Any]]:
    homes = _homes(key, section)
    if homes:
        return "unknown_elsewhere", {**seen, "homes": ", ".join(homes)}
    close = get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    if close:
        return "unknown_close", {**seen, "suggestion": close[0], "known": ", ".join(known)}
    return ("unknown", {**seen, "known": ", ".join(known)}) if known else ("unknown_none", seen)


def _homes(key: str, section: str) -> list[str]:
    """The other sections in which *key* could stand."""
    return [
        name
        for name in SECTIONS
        if name and name != section and (key in keys_of(name) or (name in DEVICES and _drivers_with(key, name)))
    ]


def _drivers_with(key: str, section: str) -> list[str]:
    found = []
    for name in registry.names(DEVICES[section]):
        try:
            options = registry.find(DEVICES[section], name).Options
        except (ImportError, AttributeError):
            continue
        if key in options.model_fields:
            found.append(name)
    return found


def _plain(key: str) -> str:
    return "".join(c for c in key.casefold() if c.isalnum())
