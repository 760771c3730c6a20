"""The way to the agent: plain requests over loopback, one connection each, bounded in time and size."""

import http.client
from urllib.parse import urlsplit

from pydantic import ValidationError

from agent.errors import TryAgain
from agent.screen.kiosk.word import Sight, Wish

PATIENCE_S = 4.0
LIMIT_BYTES = 16 * 1024


class Wire:
    """Asks and tells the agent at *url* (`http://127.0.0.1:8080`)."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = f"http://{parts.netloc}"
        self._place = parts.netloc

    def ask(self) -> Wish:
        """What the agent wants now. Raises TryAgain."""
        try:
            return Wish.model_validate_json(self._speak("GET", "/kiosk"))
        except ValidationError as error:
            raise TryAgain(f"{self.url}/kiosk answers what no agent says") from error

    def tell(self, sight: Sight) -> None:
        """Say what was seen. Raises TryAgain."""
        self._speak("POST", "/kiosk/report", sight.model_dump_json().encode())

    def _speak(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection(self._place, timeout=PATIENCE_S)
        headers = {"Origin": self.url, "Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            said = answer.read(LIMIT_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise TryAgain(f"{self.url} does not answer ({error})") from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise TryAgain(f"{self.url}{path} answers {answer.status}")
        return said
