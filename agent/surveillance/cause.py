"""Why there is no valid video of a counter, in the words of figures and events."""

from enum import StrEnum


class Cause(StrEnum):
    """One for each gap, the strongest first: of several at one instant, the first counts."""

    POWER = "power"
    """The box was off."""
    AGENT = "agent"
    """The box ran, and the agent, or its process for the camera, did not; or a person must put its settings right."""
    NETWORK = "network"
    """The camera could not be reached, or the connection broke."""
    STALL = "stall"
    """The camera was there and sent nothing, or a cable to the box itself was out."""
    CORRUPT = "corrupt"
    """What it sent were no whole pictures."""
    TAMPER = "tamper"
    """It did not see what it is there to see: covered, turned away, …"""
    DISK = "disk"
    """It saw, and nothing could be recorded."""
