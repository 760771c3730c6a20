"""The inbox: what the province said and nobody has read yet. Outlives the service; any thread."""

from collections import deque

WORDS = 8


class Inbox:
    """The last few words, in their order."""

    def __init__(self) -> None:
        self._words: deque[bytes] = deque(maxlen=WORDS)

    def put(self, payload: bytes) -> None:
        self._words.append(payload)

    def take(self) -> bytes | None:
        try:
            return self._words.popleft()
        except IndexError:
            return None

    @property
    def is_empty(self) -> bool:
        return not self._words
