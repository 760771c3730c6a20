"""What stands while services come and go: made once at the start, joined to everything that is built later."""

from collections.abc import Callable
from datetime import date, tzinfo
from pathlib import Path
from typing import Literal

from agent.alive import read_mark
from agent.clock import Clock, LastSeen
from agent.health import Health
from agent.language import Language, language
from agent.outbox.store import Outbox
from agent.rating.figures.ledger import Ledger
from agent.rating.figures.opening import Span
from agent.screen.hub import Nameplate, ScreenHub
from agent.settings import model
from agent.timekeeper import Timekeeper
from agent.uplink.topics import Topics

WEAKEST_FIRST: tuple[Literal["pixelated", "masked", "plain"], ...] = ("plain", "masked", "pixelated")
"""What cameras let out of the box: of several, citizens are told the weakest."""


class Standing:
    """Settings as they are now, and what outlives every service. `settings` is written by the main thread only."""

    def __init__(self, settings: model.Settings, clock: Callable[[tzinfo, LastSeen | None], Clock]) -> None:
        """*clock* is made from the counter's zone and what an earlier life knew of the time."""
        counter = settings.counter
        alive = settings.outbox.path.with_name("alive.json")
        mark = read_mark(alive)
        self.settings = settings
        self.clock = clock(counter.zone, mark.seen if mark is not None else None)
        self.health = Health(self.clock)
        self.topics = Topics(counter.province, counter.agent)
        self.outbox = Outbox(
            settings.outbox.path,
            province=counter.province,
            agent=counter.agent,
            clock=self.clock,
            keep_days=settings.outbox.keep_days,
            limit_bytes=settings.outbox.limit_mb * 1024**2,
        )
        self.timekeeper = Timekeeper(self.clock, alive, mark)
        self.ledger = Ledger(
            self.clock,
            zone=counter.zone,
            opening=self._opening,
            life=self.timekeeper.last_life,
            notes=mark.outages if mark is not None else (),
        )
        self.timekeeper.outages = self.ledger.notes
        self.health.listen(self.ledger.hear)
        self.hub = ScreenHub(nameplate(self.settings), self.clock)
        self.hub.set_theme(settings.screen.drawn)

    def _opening(self, day: date) -> list[Span]:
        """When the counter is open on *day*, by the settings as they are now."""
        return self.settings.counter.calendar.opening(day)

    @property
    def folder(self) -> Path:
        """Where the agent keeps what it has to remember."""
        return self.settings.outbox.path.parent

    @property
    def language(self) -> Language:
        """Of what is said to technicians."""
        return language(self.settings.counter.language)


def nameplate(settings: model.Settings) -> Nameplate:
    """What the screen says of this counter."""
    counter = settings.counter
    lets_out: set[Literal["pixelated", "masked", "plain"]] = {camera.egress for camera in settings.cameras}
    return Nameplate(
        unit=counter.name,
        number=counter.number,
        hotlines=counter.hotlines,
        hours=counter.hours.spell(language(counter.language)),
        footer=settings.screen.footer,
        language=counter.language,
        zone=counter.timezone,
        camera=next((egress for egress in WEAKEST_FIRST if egress in lets_out), ""),
    )
