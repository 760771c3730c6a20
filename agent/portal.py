"""`province portal`: the rating page on the internet, for counters that have no Wi-Fi of their own.

A composition root. Three parts share one store and one keyring: the pages' server, the courier to the broker, and
this thread, which looks for new keys.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import time

from agent.errors import PersonMustAct, TryAgain
from agent.province.ballots import BallotStore
from agent.province.courier import Courier
from agent.province.keyring import Keyring
from agent.province.reception import PortalReception
from agent.uplink.payload import Info
from agent.uplink.session import Door
from agent.web.portal_service import PortalPages, Site

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""How often the folder of keys is looked at."""


class Portal:
    """The whole of `province portal`."""

    def __init__(self, door: Door, *, province: str, site: Site, keys: Path, store: Path) -> None:
        self._door = door
        self._province = province
        self._site = site
        self._keyring = Keyring(keys)
        self._store = store

    def run(self, stop: threading.Event, *, ready: Callable[[int], None] = lambda _port: None) -> None:
        """Serve until *stop*; *ready* is told the port once the page can be asked for.

        Raises:
            PersonMustAct: the folder of keys cannot be read.
            TryAgain: a part of it ended by itself; the log says why.
        """
        self._keyring.look()
        with closing(BallotStore(self._store, now=time)) as store:
            courier: Courier | None = None
            reception = PortalReception(self._keyring, store, put=lambda: courier.notice() if courier else None)
            courier = Courier(
                self._door, province=self._province, store=store, agents=self._keyring.agents, met=reception.meet
            )
            for agent, info in store.known().items():
                reception.meet(agent, Info.model_validate_json(info))
            for agent, count in sorted(store.count_waiting().items()):
                log.info("%d votes wait for %s", count, agent)
            pages = PortalPages(self._site, reception)
            threads = [
                threading.Thread(target=courier.run, args=(stop,), name="courier"),
                threading.Thread(target=pages.run, args=(stop,), name="pages"),
            ]
            for thread in threads:
                thread.start()
            try:
                if _wait(pages.ready, stop, threads):
                    ready(pages.port)
                while not stop.wait(LOOK_S):
                    self._look()
                    for thread in threads:
                        if not thread.is_alive():
                            raise TryAgain(f"the portal's {thread.name} ended")
            finally:
                stop.set()
                courier.notice()
                for thread in threads:
                    thread.join()

    def _look(self) -> None:
        try:
            self._keyring.look()
        except PersonMustAct as error:
            log.error("%s; the keys read before stay", error)


def _wait(event: threading.Event, stop: threading.Event, threads: list[threading.Thread]) -> bool:
    """Whether *event* came before the end."""
    while not event.wait(0.05):
        if stop.is_set() or not all(thread.is_alive() for thread in threads):
            return False
    return True
