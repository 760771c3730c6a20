"""What a counter is fitted with: the components that health, the certificate and the services name alike."""

from agent.rating.keypad.keys import Keys
from agent.settings import model


def numbered(kind: str) -> list[str]:
    """The components of a kind, in order: `camera`, `camera-2`, …"""
    return [kind, *(f"{kind}-{number}" for number in range(2, 33))]


def components(settings: model.Settings) -> set[str]:
    """The device components that these settings fit."""
    fitted = {"keypad": settings.keypads, "display": settings.displays, "camera": settings.cameras}
    return {name for kind, devices in fitted.items() for name in numbered(kind)[: len(devices)]}


def keys_of(keypad: model.Keypad) -> Keys:
    """A keypad's map, with how its presses are told apart."""
    return Keys(keypad.keys, repeat_gap_s=keypad.repeat_gap_ms / 1000, stuck_s=keypad.stuck_s)
