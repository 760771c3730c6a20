"""What the kiosk's threads tell each other: the agent's latest wish, and how the panel is. Any thread."""

import threading

from agent.screen.kiosk.word import PanelSight, Wish


class Board:
    """The last of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wish: Wish | None = None
        self._panel = PanelSight()

    @property
    def wish(self) -> Wish | None:
        """None: the agent has said nothing yet. What it wished holds until it wishes otherwise."""
        with self._lock:
            return self._wish

    def wished(self, wish: Wish) -> None:
        with self._lock:
            self._wish = wish

    @property
    def panel(self) -> PanelSight:
        with self._lock:
            return self._panel

    def saw_panel(self, panel: PanelSight) -> None:
        with self._lock:
            self._panel = panel
