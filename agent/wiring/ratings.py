"""The services between a key or a phone and the outbox: desk, keypads, gate, modes, inspection, the day's figures."""

from functools import partial

from agent.birth import keys_of, numbered
from agent.errors import PersonMustAct
from agent.evidence import heads_line, look_at_cameras, thirty_days
from agent.outbox.lookback import last_of, newest_first
from agent.rating.box import Release
from agent.rating.clerk import Clerk
from agent.rating.desk import Desk, Rules
from agent.rating.figures.bookkeeper import Bookkeeper, Lanes
from agent.rating.inspection.findings import DAYS
from agent.rating.inspection.mode_service import ModeService
from agent.rating.inspection.service import HEARD, Evidence, Felt, Fitted, InspectionService
from agent.rating.inspection.sign import Sign, read_mode
from agent.rating.inspection.slip import Slip, read_slip
from agent.rating.keypad.service import KeypadService
from agent.rating.phone.gate import Gate
from agent.rating.phone.handed import Answer, Handed, HandedService
from agent.rating.phone.reception import CounterReception
from agent.rating.phone.visit import Place
from agent.rating.service import RatingService
from agent.rating.tray import Arrival, Tray
from agent.screen.qr import rating_qr
from agent.service import Service
from agent.settings import model
from agent.supervisor import Unit
from agent.today import terms_of
from agent.uplink.payload import Message, Result
from agent.web.phone_service import PhoneService
from agent.wiring.cameras import Cameras
from agent.wiring.moods import Moods
from agent.wiring.standing import Standing
from drivers import registry
from drivers.base import Keypad, Press


class Ratings:
    """Builds what takes ratings."""

    def __init__(self, standing: Standing, cameras: Cameras) -> None:
        self._standing = standing
        self._cameras = cameras
        self._tray = Tray()
        self.handed = Handed()
        mode = standing.folder / "mode.json"
        self.sign = Sign(mode, standing.clock, read_mode(mode))
        slip = standing.folder / "inspection-code.json"
        self.slip = Slip(slip, standing.clock, read_slip(slip))
        self._felt = Felt(HEARD)
        self._inspection: InspectionService | None = None
        self._keypads: dict[str, KeypadService] = {}
        self._qr: model.Qr | None = None
        self.gate: Gate | None = None
        """The way from the QR to a phone's rating; None: there is no QR."""
        self.renew_gate()

    def renew_gate(self) -> None:
        """After the settings changed. A gate lives as long as its settings: a token that was shown stays good."""
        settings = self._standing.settings
        if self.gate is not None and settings.qr == self._qr:
            return
        self._qr = settings.qr
        self.gate = (
            Gate(
                settings.qr,
                settings.counter.agent,
                clock=self._standing.clock,
                health=self._standing.health,
                opened=self._qr_opened,
            )
            if settings.qr is not None
            else None
        )

    def have_keypads_been_tried(self) -> bool:
        """Whether health knows of every keypad: what can wait at a start waits for that."""
        told = {report.component for report in self._standing.health.reports()}
        return told.issuperset(numbered("keypad")[: len(self._standing.settings.keypads)])

    # -- services ----------------------------------------------------------------------------------

    def units(self, moods: Moods) -> list[Unit]:
        """*moods* is told of trainings and inspections."""
        settings = self._standing.settings
        counter, gate = settings.counter, self.gate
        keypads = list(zip(numbered("keypad"), settings.keypads, strict=False))
        inspected = (counter, settings.rating, settings.keypads, settings.qr, settings.cameras)
        is_handed = gate is not None and settings.qr is not None and settings.qr.mode == "portal"
        return [
            Unit("rating", self._rating, (counter, settings.rating, settings.keypads)),
            *(Unit(name, partial(self._keypad, name, keypad), keypad) for name, keypad in keypads),
            Unit("modes", partial(self._modes, moods)),
            Unit("bookkeeper", self._bookkeeper, (counter, settings.rating, settings.keypads, settings.qr)),
            Unit("inspection", self._inspect, inspected),
            *([Unit("handed", partial(self._hand_over, gate), settings.qr)] if gate is not None and is_handed else []),
        ]

    def phone_units(self) -> list[Unit]:
        """The rating page on the counter's own network, where there is one."""
        settings, gate = self._standing.settings, self.gate
        network = settings.web.counter_network
        if network is None or gate is None:
            return []
        made_of = (network, settings.qr, settings.counter, settings.rating.scale)
        return [Unit("phone", partial(self._phone, network, gate), made_of)]

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
            desk, self._tray, clerk=clerk, thank=self._thank, clock=standing.clock, health=standing.health
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
        self._tray.put(keypad, press)
        self._felt.offer(Arrival(keypad, press))

    def _modes(self, moods: Moods) -> Service:
        standing = self._standing
        return ModeService(self.sign, append=standing.outbox.append, tell=moods.mode_is, clock=standing.clock)

    def _bookkeeper(self) -> Service:
        standing, outbox = self._standing, self._standing.outbox
        return Bookkeeper(
            terms_of(standing.settings),
            Lanes(outbox.append, partial(newest_first, outbox), partial(last_of, outbox)),
            ledger=standing.ledger,
            clock=standing.clock,
            held=lambda: outbox.standing().held,
            bucket_s=standing.settings.rating.privacy.bucket_min * 60.0,
            coverage=self._cameras.coverage,
            counting=self._cameras.doorways.counting,
        )

    def _inspect(self) -> Service:
        standing, settings = self._standing, self._standing.settings
        outbox, terms = standing.outbox, terms_of(settings)
        keypads = dict(zip(numbered("keypad"), settings.keypads, strict=False))
        fitted = Fitted(
            scale=settings.rating.scale,
            keys={name: keys_of(keypad) for name, keypad in keypads.items()},
            has_qr=settings.qr is not None,
            cameras=[camera.name for camera in settings.cameras],
        )
        evidence = Evidence(
            look=lambda: look_at_cameras(self._cameras.services, standing.health),
            findings=lambda: thirty_days(outbox, standing.ledger.ledger(DAYS), terms, standing.clock.now()),
            heads=lambda: heads_line(outbox, settings.counter.agent),
            draw=rating_qr,
        )
        service = self._inspection = InspectionService(
            self.sign,
            self.slip,
            self._felt,
            fitted=fitted,
            evidence=evidence,
            append=outbox.append,
            show=standing.hub.set_panel,
            language=standing.language,
            clock=standing.clock,
        )
        return service

    def _qr_opened(self) -> None:
        if self._inspection is not None:
            self._inspection.qr_opened()

    # -- phones ------------------------------------------------------------------------------------

    def _phone(self, network: str, gate: Gate) -> Service:
        standing, counter = self._standing, self._standing.settings.counter
        place = Place(counter.name, counter.number, standing.settings.rating.scale, counter.hotlines)
        reception = CounterReception(gate, self._tray, agent=counter.agent, place=place, clock=standing.clock)
        return PhoneService(network, reception, health=standing.health, after=self.have_keypads_been_tried)

    def _hand_over(self, gate: Gate) -> Service:
        return HandedService(self.handed, gate=gate, urn=self._tray, answer=self._answer_ballot)

    def _answer_ballot(self, ballot_id: str, answer: Answer, reason: str) -> None:
        result = Result(status=answer.value, reason=reason or None)
        topic = self._standing.topics.result("rating", ballot_id)
        self._standing.mailbox.say(Message(topic, result.encode()))
