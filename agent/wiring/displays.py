"""The small displays that show the rating QR, each with its service."""

from functools import partial

from agent.errors import PersonMustAct
from agent.fitted import numbered
from agent.screen.code.display import DisplayService
from agent.service import Service
from agent.settings import model
from agent.supervisor import Unit
from agent.wiring.standing import Standing
from drivers import registry
from drivers.base import Display


class Displays:
    """Builds what shows the code beside the screen."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def units(self) -> list[Unit]:
        settings = self._standing.settings
        language = settings.counter.language
        return [
            Unit(name, partial(self._display, name, display), (display, language))
            for name, display in zip(numbered("display"), settings.displays, strict=False)
        ]

    def _display(self, name: str, settings: model.Display) -> Service:
        def make() -> Display:
            driver = registry.find("display", settings.driver)(settings.options)
            if not isinstance(driver, Display):
                raise PersonMustAct(f'the driver "{settings.driver}" is not a display')
            return driver

        standing = self._standing
        return DisplayService(name, make, hub=standing.hub, health=standing.health, language=standing.language)
