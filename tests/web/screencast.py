"""Every frame the browser draws, as DevTools hands it out: a flash of one sixtieth of a second is among them."""

import base64
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

from PIL import Image

from tests.web.looking import pixel

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Screencast:
    """Notes the colour of one place in each frame."""

    def __init__(self, page: "Page", place: tuple[int, int]) -> None:
        self._page, self._place = page, place
        self.frames: list[tuple[int, int, int]] = []
        self._raw: list[str] = []

    def __enter__(self) -> Self:
        size: Any = self._page.viewport_size
        self._devtools = self._page.context.new_cdp_session(self._page)
        self._devtools.on("Page.screencastFrame", self._note)
        every = {"format": "png", "everyNthFrame": 1, "maxWidth": size["width"], "maxHeight": size["height"]}
        self._devtools.send("Page.startScreencast", every)
        return self

    def __exit__(self, *_: object) -> None:
        self._devtools.send("Page.stopScreencast")
        self._devtools.detach()
        for frame in self._raw:
            image = Image.open(BytesIO(base64.b64decode(frame)))
            self.frames.append(pixel(image.convert("RGB"), *self._place))

    def until(self, claim: Callable[[], bool], within_s: float = 15.0) -> None:
        """Watch on until *claim*."""
        for _ in range(int(within_s / 0.05)):
            if claim():
                return
            self._page.wait_for_timeout(50)
        raise AssertionError("it did not happen in time")

    def _note(self, event: dict[str, Any]) -> None:
        self._raw.append(event["data"])
        self._devtools.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})
