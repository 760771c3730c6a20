"""An errand to the broker: one connection, one thing done over it, by whichever version of MQTT the broker speaks."""

from collections.abc import Callable
from typing import TypeVar

from agent.errors import PersonMustAct
from agent.uplink.session import Door, LinkDown, Protocol, Refused, Session, Wake

T = TypeVar("T")


class TooNew(Exception):
    """The broker does not know this version of MQTT."""


def turned_away(session: Session, refused: Refused) -> TooNew | LinkDown:
    """What the broker's refusal of *session* means to the errand, to be raised."""
    if refused.is_protocol_refused and session.protocol is Protocol.MQTT5:
        return TooNew()
    return LinkDown("REFUSED", refused.text)


def run_errand(door: Door, errand: Callable[[Session], T]) -> T:
    """What *errand* gives, which connects the session it gets, and raises TooNew or LinkDown.

    Raises:
        PersonMustAct: the broker cannot be reached, or does not take it.
    """
    wake = Wake()
    try:
        for protocol in (Protocol.MQTT5, Protocol.MQTT311):
            session = Session(door, protocol, wake=wake, expiry_s=0)
            try:
                return errand(session)
            except TooNew:
                continue
            finally:
                session.drop()
        raise PersonMustAct(f"{door.host}:{door.port}: the broker speaks neither MQTT 5 nor 3.1.1")
    except LinkDown as error:
        raise PersonMustAct(str(error)) from error
    finally:
        wake.close()
