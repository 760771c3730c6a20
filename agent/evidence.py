"""What an inspector is shown of this box, from where it really is: the outbox, and the cameras themselves."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from agent.clock import ClockQuality
from agent.errors import CounterAgentError
from agent.event import Lane
from agent.health import Health, Status
from agent.outbox.heads import heads_of, spell
from agent.outbox.lookback import Row, newest_first
from agent.outbox.store import Outbox
from agent.rating.figures.daybook import Daybook
from agent.rating.figures.outages import Outage
from agent.rating.figures.summary import Terms
from agent.rating.inspection.findings import DAYS, Findings, findings
from agent.surveillance.service import CameraService

SNAPSHOT_S = 5.0
NEW_S = 10.0
"""A picture that is older was not taken now."""


def thirty_days(outbox: Outbox, outages: Iterable[Outage], terms: Terms, now: datetime) -> Findings:
    """The figures of the last thirty days, from the events that are still here and the ledger's *outages*.

    Raises:
        TryAgain: the disk refuses.
    """
    since = now - timedelta(days=DAYS + 1)
    book = Daybook(terms.zone)
    for lane in (Lane.ALERT, Lane.RECORD):
        for event, body in reversed(list(_back_to(since, newest_first(outbox, lane)))):
            book.take(event, body)
    return findings(book, outages, terms, until=now)


def _back_to(since: datetime, rows: Iterable[Row]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The newest events, as far back as a time that can be believed."""
    for row in rows:
        event = json.loads(row.body)
        yield event, row.body
        if event["clock"] == ClockQuality.NTP and datetime.fromisoformat(event["time"]) < since:
            return


def heads_line(outbox: Outbox, agent: str) -> str:
    """The heads of all lanes as they stand now."""
    return spell(agent, outbox.epoch, heads_of(agent, outbox.marks()))


def look_at_cameras(cameras: Callable[[], Mapping[str, CameraService]], health: Health) -> dict[str, bool]:
    """Whether each camera is well and shows a picture that was taken now. The pictures are thrown away."""
    ill = {each.component for each in health.reports() if each.condition.status is not Status.OK}
    return {name: camera.name not in ill and _shows_now(camera) for name, camera in cameras().items()}


def _shows_now(camera: CameraService) -> bool:
    try:
        still = camera.snapshot(SNAPSHOT_S)
    except CounterAgentError:
        return False
    return time.monotonic() - still.taken_at_monotonic < NEW_S
