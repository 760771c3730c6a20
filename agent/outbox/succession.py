"""A file that can no longer be believed is put aside, and a new one begins with what can be read of it.

The new database is whole before it takes the place: a power cut leaves the one or the other.
"""

import logging
from contextlib import closing
from pathlib import Path
from secrets import token_bytes

from agent.data import OutboxReplaced
from agent.event import EventType, Fact, Lane
from agent.outbox.book import Author, Book
from agent.outbox.database import aside, draft_beside, replace
from agent.outbox.salvage import salvage

log = logging.getLogger(__name__)


def begin_anew(path: Path, author: Author, reason: str) -> None:
    """Replace the closed database at *path* by one with a new epoch, whose first event says so.

    Raises:
        sqlite3.Error: the disk refuses a new database; the old one is still there.
    """
    log.error("%s is put aside: %s", path, reason)
    mark = f"{author.clock.now():%Y%m%d-%H%M%S}-{token_bytes(2).hex()}"
    saved = salvage(path)
    draft = draft_beside(path)
    with closing(Book(draft, author)) as book:
        book.open()
        book.take_over(saved)
        data = OutboxReplaced(
            reason=reason,
            old_epoch=saved.epoch,
            last_seen={lane: saved.last.get(lane, 0) for lane in Lane},
            salvaged={lane: sum(row[1] is lane for row in saved.rows) for lane in Lane},
            ballots=len(saved.ballots),
            kept_as=aside(path, mark).name,
        ).payload()
        book.append([Fact.seen(EventType.ALERT, author.clock.read(), data)], keep_days=0)
    replace(path, draft, mark)
