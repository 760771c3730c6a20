"""The way from the QR to a rating: the gate, the rating page on the counter's own network, votes handed down."""

from collections.abc import Callable
from functools import partial

from agent.rating.phone.gate import Gate
from agent.rating.phone.handed import Answer, Handed, HandedService
from agent.rating.phone.reception import CounterReception
from agent.rating.phone.visit import Place
from agent.service import Service
from agent.settings import model
from agent.supervisor import Unit
from agent.uplink.payload import Message, Result
from agent.web.phone_service import PhoneService
from agent.wiring.ratings import Ratings
from agent.wiring.standing import Standing


class Phones:
    """Builds what phones rate through. Their votes go into the same tray as presses."""

    def __init__(
        self,
        standing: Standing,
        ratings: Ratings,
        *,
        opened: Callable[[], None],
        say: Callable[[Message], None],
    ) -> None:
        """*opened* hears that a phone opened what the QR code says, *say* tells the province."""
        self._standing, self._tray, self._opened, self._say = standing, ratings.tray, opened, say
        self.handed = Handed()
        self._qr: model.Qr | None = None
        self.gate: Gate | None = None
        """The way from the QR to a phone's rating; None: there is no QR."""
        self.renew_gate()

    def renew_gate(self) -> None:
        """After the settings changed. A gate lives as long as its settings: a token that was shown stays good."""
        standing, qr = self._standing, self._standing.settings.qr
        if self.gate is not None and qr == self._qr:
            return
        self._qr, agent = qr, standing.settings.counter.agent
        self.gate = (
            Gate(qr, agent, clock=standing.clock, health=standing.health, opened=self._opened)
            if qr is not None
            else None
        )

    def units(self) -> list[Unit]:
        settings, gate = self._standing.settings, self.gate
        if gate is None or settings.qr is None:
            return []
        network = settings.web.counter_network
        made_of = (network, settings.qr, settings.counter, settings.rating.scale)
        return [
            *([Unit("handed", partial(self._hand_over, gate), settings.qr)] if settings.qr.mode == "portal" else []),
            *([Unit("phone", partial(self._phone, network, gate), made_of)] if network is not None else []),
        ]

    def _phone(self, network: str, gate: Gate) -> Service:
        standing, counter = self._standing, self._standing.settings.counter
        place = Place(counter.name, counter.number, standing.settings.rating.scale, counter.hotlines)
        reception = CounterReception(gate, self._tray, agent=counter.agent, place=place, clock=standing.clock)
        return PhoneService(network, reception, health=standing.health)

    def _hand_over(self, gate: Gate) -> Service:
        return HandedService(self.handed, gate=gate, urn=self._tray, answer=self._answer_ballot)

    def _answer_ballot(self, ballot_id: str, answer: Answer, reason: str) -> None:
        result = Result(status=answer.value, reason=reason or None)
        self._say(Message(self._standing.topics.result("rating", ballot_id), result.encode()))
