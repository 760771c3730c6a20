"""The names of keys as the kernel counts them (`linux/input-event-codes.h`), and the payloads they stand for.

Those that keypads and keyboards have; any other is written as its number, four hexadecimal digits.
"""

from types import MappingProxyType

_ROWS = {
    1: "ESC 1 2 3 4 5 6 7 8 9 0 MINUS EQUAL BACKSPACE TAB Q W E R T Y U I O P LEFTBRACE RIGHTBRACE ENTER LEFTCTRL",
    30: "A S D F G H J K L SEMICOLON APOSTROPHE GRAVE LEFTSHIFT BACKSLASH Z X C V B N M COMMA DOT SLASH RIGHTSHIFT",
    55: "KPASTERISK LEFTALT SPACE CAPSLOCK F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NUMLOCK SCROLLLOCK",
    71: "KP7 KP8 KP9 KPMINUS KP4 KP5 KP6 KPPLUS KP1 KP2 KP3 KP0 KPDOT",
    86: "102ND F11 F12",
    96: "KPENTER RIGHTCTRL KPSLASH SYSRQ RIGHTALT",
    102: "HOME UP PAGEUP LEFT RIGHT END DOWN PAGEDOWN INSERT DELETE",
    113: "MUTE VOLUMEDOWN VOLUMEUP POWER KPEQUAL KPPLUSMINUS PAUSE",
    121: "KPCOMMA",
    125: "LEFTMETA RIGHTMETA COMPOSE",
    139: "MENU CALC",
    179: "KPLEFTPAREN KPRIGHTPAREN",
    183: "F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24",
    512: "NUMERIC_0 NUMERIC_1 NUMERIC_2 NUMERIC_3 NUMERIC_4 NUMERIC_5 NUMERIC_6 NUMERIC_7 NUMERIC_8 NUMERIC_9",
}
_BUTTONS = {256: "0 1 2 3 4 5 6 7 8 9", 288: "TRIGGER THUMB THUMB2 TOP TOP2 PINKIE BASE BASE2 BASE3 BASE4 BASE5 BASE6"}

CODES: dict[str, int] = {
    f"{prefix}{name}": first + offset
    for prefix, rows in (("KEY_", _ROWS), ("BTN_", _BUTTONS))
    for first, row in rows.items()
    for offset, name in enumerate(row.split())
}


def payload(code: int) -> str:
    return f"{code:04x}"


PAYLOADS = MappingProxyType({name: payload(code) for name, code in CODES.items()})
"""Name of a key -> payload."""
_TYPED = (*"1234567890", *"QWERTYUIOP", *(f"KP{digit}" for digit in range(10)))
TYPING = frozenset(CODES[f"KEY_{name}"] for name in _TYPED)
"""Keys of which any keyboard or numeric keypad has several; a power button or a volume wheel has none."""
