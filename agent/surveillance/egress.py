"""What is said of every picture that left the box: an event, written before the picture goes."""

from typing import Literal

from agent.data import EventData


class EgressData(EventData):
    """An `egress`: pictures of the counter were handed over. A picture that cannot be accounted for stays."""

    kind: Literal["snapshot", "clip"]
    camera: str
    order: str
    """The order's id: `result/<kind>/<id>` and `bulk/<id>` have the same."""
    is_broadcast: bool
    """Whether every counter was asked at once."""
    by: str | None = None
    """Who asked, as the order says; the broker's list of permissions says who may."""
    pictures: int
    egress: Literal["pixelated", "masked", "plain"]
    hidden: list[str]
    """What was hidden: `masks`; `whole`, or `people` and `faces`."""
