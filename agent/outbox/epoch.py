"""The name of a database's life: new whenever the database is new."""

from datetime import datetime
from secrets import token_bytes

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_epoch(moment: datetime) -> str:
    """A ULID (48 bits of milliseconds, 80 of randomness): sortable where the clock is right, unique where it is not."""
    number = int(moment.timestamp() * 1000) % 2**48 << 80 | int.from_bytes(token_bytes(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
