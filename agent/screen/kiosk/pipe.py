"""DevTools over a pipe: a question to the browser, and its answer within a time.

The browser reads JSON ended by a zero byte from its descriptor 3 and writes the same to 4: no port that other users of
the box could reach. One thread asks; answers that come too late, and what the browser says unasked, are dropped.
"""

import json
import os
import select
import time
from collections.abc import Mapping
from typing import Any

from agent.errors import TryAgain

LIMIT_BYTES = 64 * 1024 * 1024
"""A screenshot of a 4K panel, in base64, is half of that at most."""


class Pipe:
    """The ends that the browser does not have."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._out, self._in = to_browser, from_browser
        os.set_blocking(self._out, False)
        os.set_blocking(self._in, False)
        self._number = 0
        self._heard = bytearray()

    def close(self) -> None:
        if self._out >= 0:
            os.close(self._out)
            os.close(self._in)
            self._out = self._in = -1

    def ask(
        self, method: str, params: Mapping[str, Any] | None = None, *, session: str | None = None, within_s: float
    ) -> dict[str, Any]:
        """The browser's answer.

        Raises:
            TryAgain: it did not answer in time, said no, or is gone.
        """
        self._number += 1
        said: dict[str, Any] = {"id": self._number, "method": method, "params": dict(params or {})}
        if session is not None:
            said["sessionId"] = session
        until = time.monotonic() + within_s
        try:
            self._write(json.dumps(said).encode() + b"\0", until)
            while True:
                answer = json.loads(self._read(until))
                if answer.get("id") != self._number:
                    continue
                if "error" in answer:
                    raise TryAgain(f"the browser refuses {method}: {answer['error'].get('message')}")
                result: dict[str, Any] = answer["result"]
                return result
        except (OSError, ValueError, KeyError) as error:
            raise TryAgain(f"the browser is gone ({error})") from error

    def _write(self, said: bytes, until: float) -> None:
        while said:
            self._wait([], [self._out], until)
            said = said[os.write(self._out, said) :]

    def _read(self, until: float) -> bytes:
        """One message."""
        searched = 0
        while (end := self._heard.find(b"\0", searched)) < 0:
            searched = len(self._heard)
            if searched > LIMIT_BYTES:
                raise TryAgain("the browser says more than anybody asked for")
            self._wait([self._in], [], until)
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise TryAgain("the browser has hung up")
            self._heard += piece
        message = bytes(self._heard[:end])
        del self._heard[: end + 1]
        return message

    def _wait(self, reading: list[int], writing: list[int], until: float) -> None:
        if -1 in (*reading, *writing) or not any(select.select(reading, writing, [], max(0, until - time.monotonic()))):
            raise TryAgain("the browser does not answer")
