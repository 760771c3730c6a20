"""What the status page says of today: how long citizens could rate, what was gone, and who came.

No level and no count of one, and of visits only what has left the box: a technician who stands beside the counter
must not learn what was pressed just now.
"""

from collections.abc import Mapping
from datetime import datetime

from agent.fitted import numbered
from agent.language import Language
from agent.rating.figures.ledger import Ledger
from agent.rating.figures.opening import Span, day_of, opening, whole_day
from agent.rating.figures.outages import Outage, within
from agent.rating.figures.summary import Terms, availability
from agent.settings.model import Settings
from agent.web.site import Figure

SHOWN = 6


def terms_of(settings: Settings) -> Terms:
    """What the figures of a counter with these *settings* depend on.

    A printed code keeps a counter's channel open only where it is all there is: it is never in the index.
    """
    qr = settings.qr
    inputs = list(numbered("keypad")[: len(settings.keypads)])
    if qr is not None and qr.mode != "static":
        inputs.append("qr")
    if qr is not None and not inputs:
        inputs.append("sticker")
    counter = settings.counter
    return Terms(
        zone=counter.zone,
        hours=counter.calendar.spans,
        scale=settings.rating.scale,
        inputs=tuple(inputs),
        counter=counter.number,
        commune=counter.commune,
    )


def today(ledger: Ledger, terms: Terms, now: datetime, words: Language) -> dict[str, Figure]:
    """The availability of the rating channel so far, and the newest outages of the day."""
    day = day_of(now, terms.zone)
    so_far = Span(whole_day(day, terms.zone).start, now)
    outages = ledger.ledger(2)
    parts = within(outages, so_far)
    share = availability(parts, terms.inputs, opening(day, terms.zone, terms.hours), now).percent
    figures: dict[str, Figure] = {}
    if share is not None:
        figures["availability"] = f"{share} %".replace(".", words.text("status.decimal"))
    gone = [each for each in outages if each.end is None or each.end > so_far.start]
    figures["outages"] = "; ".join(_spell(each, terms, words) for each in gone[-SHOWN:]) or None
    return figures


def came_today(told: Mapping[str, int]) -> dict[str, Figure]:
    """How many visits were *told* today, by camera: only what has left the box, so nothing of just now."""
    return {"visits": "; ".join(f"{name} {count}" for name, count in told.items())} if told else {}


def _spell(outage: Outage, terms: Terms, words: Language) -> str:
    start = f"{outage.start.astimezone(terms.zone):%H:%M}"
    if outage.end is None:
        span = words.text("status.since_time", time=start)
    else:
        span = f"{start}–{outage.end.astimezone(terms.zone):%H:%M}"
    return f"{words.text(f'status.cause.{outage.cause}')} {span}"
