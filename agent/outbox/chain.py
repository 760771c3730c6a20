"""The hash chain of a lane: anyone with the bytes can check it.

Each event names the SHA-256 of the event before it in its lane (`previous`); the first of an epoch
names the hash of the empty string. `verify` walks consecutive events and names the first break.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from agent.event import GENESIS, chain_hash


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain stops holding, and how."""

    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of walking a chain: how far it held, and the first break if there is one."""

    count: int
    last: int
    head: str
    broken: Break | None


def verify(bodies: Iterable[tuple[int, bytes]], *, previous: str | None = GENESIS) -> Checked:
    """Walk `(seq, bytes)` in order; *previous* is the hash before the first one (None: not known, take its word).

    A missing number, a wrong `previous` and a body that is not the event its number says are breaks.
    """
    count, last, head = 0, 0, previous if previous is not None else GENESIS
    expected: int | None = None
    for seq, body in bodies:
        reason = _fault(seq, body, expected=expected, previous=previous)
        if reason is not None:
            return Checked(count, last, head, Break(seq, reason))
        previous = head = chain_hash(body)
        count, last, expected = count + 1, seq, seq + 1
    return Checked(count, last, head, None)


def _fault(seq: int, body: bytes, *, expected: int | None, previous: str | None) -> str | None:
    if expected is not None and seq != expected:
        return f"events {expected} to {seq - 1} are missing"
    try:
        event = json.loads(body)
        said, before = event["seq"], event["previous"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "the bytes are not an event"
    if said != seq:
        return f"the bytes say they are event {said}"
    if previous is not None and before != previous:
        return "the event before it is not the one it was chained to"
    return None
