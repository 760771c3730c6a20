"""The phone service: the rating page on the counter's own Wi-Fi, and nothing else.

A server of its own at an address of its own: what stands on loopback (screen, status, events) is not there to
be reached, whatever is asked for. It can be restarted alone.
"""

from typing import Any

from agent.health import Health
from agent.rating.phone.visit import Reception
from agent.web.server import PageService


class PhoneService(PageService):
    """Serves the rating page of *reception* at *listen* (`192.168.4.1:80`)."""

    name = "phone"
    busy = "WEB_PHONE_AWAY"

    def __init__(self, listen: str, reception: Reception, *, health: Health) -> None:
        super().__init__(listen, health)
        self._reception = reception

    def application(self) -> Any:
        from agent.web.phone import PhonePage  # noqa: PLC0415

        return PhonePage(self._reception)

    def protocol(self) -> Any:
        from agent.web.patience import PatientProtocol  # noqa: PLC0415

        return PatientProtocol
