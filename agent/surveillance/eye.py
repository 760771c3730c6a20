"""The eye: looks at every key frame that was a valid picture, and tells the parent what changed.

Runs on the child's capturing thread, so it must be quick: it reads the brightness where the decoder left it, and
looks at a small copy. A picture that it cannot look at is skipped. Imports OpenCV: only the camera's child may import
this module.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from agent.surveillance.decode import Moment
from agent.surveillance.look import Look
from agent.surveillance.tamper import Sentry
from agent.surveillance.view import COLUMNS, ROWS, Sample, sample_of

log = logging.getLogger(__name__)

VIEW_EVERY_S = 3600.0
"""The parent keeps the view that was learned; what was added to it since is told so often."""
_BRIGHTNESS_FIRST = frozenset({"gray", "nv12", "yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p"})
"""Formats whose first plane is the brightness, a byte each."""

Tell = Callable[[Mapping[str, Any], bytes], None]


class Eye:
    """Looks for one camera. `relearn` is for any thread."""

    def __init__(self, tell: Tell, *, view: bytes = b"", state: Look = Look.CLEAR) -> None:
        """*view* and *state* are what an earlier process told last; an unusable view is learned again."""
        self._tell = tell
        self._sentry = Sentry(sample_from(view), state)
        self._told_view_at: float | None = None
        self._is_new_view = not view
        self._relearns = False

    @property
    def background(self) -> Sample | None:
        """The picture of the counter that was learned; None: none yet."""
        return self._sentry.background

    def relearn(self) -> None:
        """What is seen from the next picture on is how it should be."""
        self._relearns = True

    def see(self, moment: Moment) -> None:
        """Look at *moment*, and tell what is new.

        Raises:
            OSError: the parent is gone.
        """
        before = self._sentry.state
        if self._relearns:
            self._relearns, self._is_new_view = False, True
            self._sentry = Sentry()
        try:
            state = self._sentry.see(sample_of(brightness(moment.frame)), moment.at_monotonic)
        except (av.FFmpegError, cv2.error, ValueError) as error:
            log.warning("a picture could not be looked at: %s", error)
            return
        if state is not before:
            self._tell({"kind": "eye", "look": state, "since": self._sentry.since}, b"")
        self._tell_view(moment.at_monotonic)

    def _tell_view(self, at: float) -> None:
        view = self.background
        if view is None:
            return
        if self._told_view_at is None and not self._is_new_view:
            self._told_view_at = at  # it is the one that the parent gave
        if self._is_new_view or self._told_view_at is None or at - self._told_view_at >= VIEW_EVERY_S:
            self._is_new_view, self._told_view_at = False, at
            self._tell({"kind": "view"}, view.tobytes())


def brightness(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """The brightness of *frame*: where the decoder left it, if it has a plane of its own."""
    if frame.format.name not in _BRIGHTNESS_FIRST:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]


def sample_from(view: bytes) -> Sample | None:
    """A view as it was told; None when it is none."""
    if len(view) != COLUMNS * ROWS:
        return None
    return np.frombuffer(view, np.uint8).reshape(ROWS, COLUMNS)
