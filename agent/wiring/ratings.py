"""The way from a key to the outbox: keypads, the tray, the desk. Loaded first, for it is what a counter is there for.

Phones' votes come into the same tray later; what else is fitted hears of the presses and is never waited for.
"""

from functools import partial

from agent.errors import PersonMustAct
from agent.fitted import keys_of, numbered
from agent.rating.box import Release
from agent.rating.clerk import Clerk
from agent.rating.desk import Desk, Rules
from agent.rating.inspection.mode_service import ModeService
from agent.rating.inspection.sign import Sign, read_mode
from agent.rating.keypad.service import KeypadService
from agent.rating.service import RatingService
from agent.rating.tray import Arrival, Felt, Tray
from agent.service import Service
from agent.settings import model
from agent.supervisor import Unit
from agent.wiring.moods import Moods
from agent.wiring.standing import Standing
from drivers import registry
from drivers.base import Keypad, Press

HEARD = 100
"""Presses that wait for whoever leads an inspection; a further one is not heard."""


class Ratings:
    """Builds what takes ratings."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self.tray = Tray()
        self.felt = Felt(HEARD)
        mode = standing.folder / "mode.json"
        self.sign = Sign(mode, standing.clock, read_mode(mode))
        self._keypads: dict[str, KeypadService] = {}

    def have_keypads_been_tried(self) -> bool:
        """Whether health knows of every keypad: what can wait at a start waits for that."""
        told = {report.component for report in self._standing.health.reports()}
        return told.issuperset(numbered("keypad")[: len(self._standing.settings.keypads)])

    def units(self, moods: Moods) -> list[Unit]:
        """*moods* is told of trainings and inspections."""
        settings = self._standing.settings
        keypads = list(zip(numbered("keypad"), settings.keypads, strict=False))
        return [
            Unit("rating", self._rating, (settings.counter, settings.rating, settings.keypads)),
            *(Unit(name, partial(self._keypad, name, keypad), keypad) for name, keypad in keypads),
            Unit("modes", partial(self._modes, moods)),
        ]

    def _rating(self) -> Service:
        standing, settings = self._standing, self._standing.settings
        rules = Rules(
            correction_s=settings.rating.correction_s,
            lockout_s=settings.rating.lockout_s,
            max_per_hour=settings.rating.max_per_hour,
            is_open=settings.counter.calendar.is_open,
            mode=self.sign.flag_at,
        )
        keys = {name: keys_of(keypad) for name, keypad in zip(numbered("keypad"), settings.keypads, strict=False)}
        desk = Desk(
            settings.rating.scale, keys, rules, counter=settings.counter.number, commune=settings.counter.commune
        )
        privacy = settings.rating.privacy
        clerk = Clerk(
            standing.outbox,
            Release(privacy.release_min, settle_s=settings.rating.correction_s + 1.0),
            bucket_min=privacy.bucket_min,
            clock=standing.clock,
        )
        return RatingService(
            desk, self.tray, clerk=clerk, thank=self._thank, clock=standing.clock, health=standing.health
        )

    def _thank(self, keypad: str) -> None:
        """A rating from *keypad* is stored: say so on the screen and at the keypad, whatever was pressed."""
        self._standing.hub.thank()
        if keypad in self._keypads:
            self._keypads[keypad].thank()

    def _keypad(self, name: str, settings: model.Keypad) -> Service:
        def make() -> Keypad:
            driver = registry.find("keypad", settings.driver)(settings.options)
            if not isinstance(driver, Keypad):
                raise PersonMustAct(f'the driver "{settings.driver}" is not a keypad')
            return driver

        deliver = partial(self._deliver, name)
        service = KeypadService(name, make, deliver, keys=keys_of(settings), health=self._standing.health)
        self._keypads[name] = service
        return service

    def _deliver(self, keypad: str, press: Press) -> None:
        """To the desk; and, without waiting, to whoever leads an inspection."""
        self.tray.put(keypad, press)
        self.felt.offer(Arrival(keypad, press))

    def _modes(self, moods: Moods) -> Service:
        standing = self._standing
        return ModeService(self.sign, append=standing.outbox.append, tell=moods.mode_is, clock=standing.clock)
