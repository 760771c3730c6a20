"""What other rooms hand to the uplink, kept while no link (and no uplink service) is there.

Outlives the services on both sides of it. Callable from any thread.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.event import Stream
from agent.uplink.payload import Message
from agent.uplink.session import Wake

WORDS_WAITING = 512
"""Unretained words kept while the link is away; the oldest is dropped (a repeated order gets its stored result)."""


MQTT_LARGEST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Leisurely:
    """A word that waits behind everything else, and is left unsaid when its connection ends."""

    message: Message
    answered: Callable[[], None]
    """The broker has it, or refused it. Called on the uplink's thread: must not wait."""


class Mailbox:
    """Words and replay requests on their way to the uplink."""

    def __init__(self) -> None:
        self.wake = Wake()
        self.largest_bytes = MQTT_LARGEST_BYTES
        """The largest packet that the broker takes, as far as is known: who has more to say, says it in parts."""
        self._lock = threading.Lock()
        self._words: deque[Message] = deque(maxlen=WORDS_WAITING)
        self._retained: dict[str, Message] = {}
        self._replays: deque[tuple[Stream, int, int]] = deque()
        self._leisurely: deque[Leisurely] = deque()
        self._links = 0
        self._is_linked = False

    @property
    def link(self) -> int | None:
        """The number of the connection that there is; None while there is none."""
        with self._lock:
            return self._links if self._is_linked else None

    def say(self, message: Message) -> None:
        """Publish *message* as soon as the link allows; of a retained topic only the newest word is kept."""
        with self._lock:
            if message.is_retained:
                self._retained[message.topic] = message
            else:
                self._words.append(message)
        self.wake.set()

    def say_leisurely(self, messages: Sequence[Message], *, link: int, answered: Callable[[], None]) -> bool:
        """Publish *messages* over connection *link* when nothing else waits; *answered* is called for each.

        A rating never waits for more than one of them, so they should be small. False: that connection is gone.
        """
        with self._lock:
            if not self._is_linked or link != self._links:
                return False
            self._leisurely.extend(Leisurely(message, answered) for message in messages)
        self.wake.set()
        return True

    def replay(self, stream: Stream, first: int, last: int) -> None:
        """Send the stored events *first*..*last* of *stream* once more."""
        with self._lock:
            self._replays.append((stream, first, last))
        self.wake.set()

    # -- the uplink's side ---------------------------------------------------------------------------

    def take(self) -> Message | None:
        """The next word: what is retained first, then in order."""
        with self._lock:
            if self._retained:
                return self._retained.pop(next(iter(self._retained)))
            return self._words.popleft() if self._words else None

    def open_link(self) -> None:
        """There is a connection now."""
        with self._lock:
            self._links += 1
            self._is_linked = True

    def close_link(self) -> None:
        """There is none any more; what was to go over it at leisure is let go."""
        with self._lock:
            self._is_linked = False
            self._leisurely.clear()

    @property
    def has_leisurely(self) -> bool:
        with self._lock:
            return bool(self._leisurely)

    def take_leisurely(self) -> Leisurely | None:
        with self._lock:
            return self._leisurely.popleft() if self._leisurely else None

    def put_back(self, messages: list[Message]) -> None:
        """These were taken and never arrived."""
        with self._lock:
            self._words = deque([*messages, *self._words], maxlen=WORDS_WAITING)

    def forget_retained(self) -> None:
        """A birth is about to say everything retained anew; what is to be emptied still has to be."""
        with self._lock:
            self._retained = {topic: message for topic, message in self._retained.items() if not message.payload}

    def take_replays(self) -> list[tuple[Stream, int, int]]:
        with self._lock:
            taken = list(self._replays)
            self._replays.clear()
            return taken

    def close(self) -> None:
        self.wake.close()
