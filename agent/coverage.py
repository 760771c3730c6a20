"""What cameras saw of a day, in words: for `counter-agent coverage`, beside the running agent or after it, and for the
status page."""

from collections.abc import Iterator
from datetime import date, datetime, tzinfo

from agent.errors import TryAgain
from agent.language import Language, language
from agent.rating.figures.opening import Span, common, day_of
from agent.settings.model import Settings
from agent.surveillance.coverage.review import Review, review
from agent.web.site import Figure


def report(settings: Settings, day: date) -> Iterator[str]:
    """*day*, camera by camera, with every gap; as far as the agent's last sign.

    Raises:
        TryAgain: what is known cannot be read.
    """
    words, zone = language(settings.counter.language), settings.counter.zone
    found = review(settings.outbox.path.parent, settings.cameras, settings.counter.calendar.opening(day))
    if not found:
        yield words.text("coverage.nothing")
    for name, each in found.items():
        yield from _lines(name, each, zone, words)


def _lines(name: str, found: Review, zone: tzinfo, words: Language) -> Iterator[str]:
    figures = found.figures
    if figures.percent is None:
        yield words.text("coverage.closed", name=name)
        return
    percent, hours = _number(figures.percent, words), _hours(figures.opening_s, words)
    yield words.text("coverage.camera", name=name, percent=percent, hours=hours)
    if (recorded := figures.recorded) is not None:
        spans = {"there": recorded.there_s, "expired": recorded.expired_s, "never": recorded.never_s}
        yield words.text("coverage.recorded", **{word: _hours(seconds, words) for word, seconds in spans.items()})
    for cause, span in found.gaps:
        start, end = (f"{at.astimezone(zone):%H:%M:%S}" for at in span)
        seconds = round(span.seconds)
        yield words.text(
            "coverage.gap", start=start, end=end, seconds=seconds, cause=words.text(f"coverage.cause.{cause}")
        )


def seen_today(settings: Settings, now: datetime, words: Language) -> dict[str, Figure]:
    """The share of today's opening hours so far that there is valid video of; nothing while it cannot be told."""
    hours = settings.counter.calendar.opening(day_of(now, settings.counter.zone))
    past = common(hours, [Span(hours[0].start, now)]) if hours else []
    cameras = [camera.model_copy(update={"record": None}) for camera in settings.cameras]
    try:
        found = review(settings.outbox.path.parent, cameras, past, until=now)
    except TryAgain:
        return {}
    shares = {name: each.figures.percent for name, each in found.items()}
    said = "; ".join(f"{name} {_number(share, words)} %" for name, share in shares.items() if share is not None)
    return {"coverage": said} if said else {}


def _hours(seconds: int, words: Language) -> str:
    return _number(round(seconds / 3600, 1), words)


def _number(value: float, words: Language) -> str:
    return str(value).replace(".", words.text("status.decimal"))
