"""The eye: looks at every key frame that was a valid picture, and tells the parent what changed.

Runs on the child's capturing thread, so it must be quick: it reads the brightness where the decoder left it, and
looks at a small copy. A picture that it cannot look at is skipped. Imports OpenCV: only the camera's child may import
this module.
"""

import logging

import av
import cv2
import numpy as np

from agent.surveillance.decode import Moment
from agent.surveillance.luma import Luma, brightness, shrunk
from agent.surveillance.presence.doorway import Doorway
from agent.surveillance.presence.onset import Behind
from agent.surveillance.seeing.look import Look
from agent.surveillance.seeing.tamper import Sentry
from agent.surveillance.seeing.view import COLUMNS, ROWS, Sample, sample_of
from agent.surveillance.wire import Tell

log = logging.getLogger(__name__)

VIEW_EVERY_S = 3600.0
"""The parent keeps the view that was learned; what was added to it since is told so often."""


class Eye:
    """Looks for one camera. `relearn` is for any thread."""

    def __init__(
        self, tell: Tell, *, view: bytes = b"", state: Look = Look.CLEAR, doorway: Doorway | None = None
    ) -> None:
        """*view* and *state* are what an earlier process told last; an unusable view is learned again.

        *doorway* looks at the same pictures for who comes and goes.
        """
        self._tell = tell
        self._sentry = Sentry(sample_from(view), state)
        self._doorway = doorway
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

    def see(self, moment: Moment, behind: Behind | None = None) -> None:
        """Look at *moment*, of the stream *behind* it, and tell what is new.

        Raises:
            OSError: the parent is gone.
        """
        before = self._sentry.state
        if self._relearns:
            self._relearns, self._is_new_view = False, True
            self._sentry = Sentry()
            self._tell({"kind": "view"}, b"")
            if self._doorway is not None:
                self._doorway.relearn(moment.at_monotonic)
        try:
            luma = shrunk(brightness(moment.frame))
            state = self._sentry.see(sample_of(luma), moment.at_monotonic)
            self._watch_doorway(luma, moment.at_monotonic, behind)
        except (av.FFmpegError, cv2.error, ValueError) as error:
            log.warning("a picture could not be looked at: %s", error)
            return
        if state is not before:
            self._tell({"kind": "eye", "look": state, "since": self._sentry.since}, b"")
        self._tell_view(moment.at_monotonic)

    def _watch_doorway(self, luma: Luma, at: float, behind: Behind | None) -> None:
        """While the view is tampered with, or looks so before that is sure, nobody can be seen coming."""
        if self._doorway is None:
            return
        if self._sentry.state is not Look.CLEAR:
            self._doorway.blind(at)
        elif not self._sentry.verdict.is_tampering:
            self._doorway.see(luma, at, behind)

    def _tell_view(self, at: float) -> None:
        view = self.background
        if view is None:
            return
        if self._told_view_at is None and not self._is_new_view:
            self._told_view_at = at  # it is the one that the parent gave
        if self._is_new_view or self._told_view_at is None or at - self._told_view_at >= VIEW_EVERY_S:
            self._is_new_view, self._told_view_at = False, at
            self._tell({"kind": "view"}, view.tobytes())


def sample_from(view: bytes) -> Sample | None:
    """A view as it was told; None when it is none."""
    if len(view) != COLUMNS * ROWS:
        return None
    return np.frombuffer(view, np.uint8).reshape(ROWS, COLUMNS)
