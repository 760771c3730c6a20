"""Whether a camera still sees what it is there to see: the sentry that learns a view, watches it, and remembers.

One sample says little: somebody may pass close by. An alarm takes several, is told once, and ends when the view is
recognised again; the dark neither is one nor ends one. What stays as it is for hours becomes part of the view.

Pure; one thread. Imports OpenCV: only the camera's child may import this module.
"""

from collections import Counter, deque

import cv2
import numpy as np

from agent.surveillance.seeing.look import Look
from agent.surveillance.seeing.view import DARK, Sample, View, look

CONFIRM_S = 3.9
"""How long it must look tampered before it is said: three samples where a key frame comes every two seconds."""
FORGET_S = 20.0
"""A sample that looked tampered is no longer held against those that come so much later."""
CLEAR_S = 5.9
"""How long the view must be recognised before an alarm is over."""
FROZEN_S = 5.9
"""How long not one pixel changes before the picture is said to be frozen."""
WARM_UP = 8
"""Quiet samples that make a view."""
FEATURELESS_S = 60.0
"""Nothing to learn for so long: something is before the lens since the start."""

_STILL = 0.02
"""Mean difference below which two pictures are the same: no sensor is so quiet."""
_ADAPT_EVERY_S = 10.0


class Sentry:
    """Learns a view, watches it, and says what is wrong with it: once, and until it is over."""

    def __init__(self, learnt: Sample | None = None, state: Look = Look.CLEAR) -> None:
        """*learnt* and *state* are `background` and `state` of before: they outlive the process that learned."""
        self._view = View(learnt.astype(np.float32)) if learnt is not None else None
        self._adapted_at = -_ADAPT_EVERY_S
        self._learning: deque[Sample] = deque(maxlen=WARM_UP)
        self._learning_since: float | None = None
        self._before: Sample | None = None
        self._same_since = 0.0
        self._suspects: deque[tuple[float, Look]] = deque(maxlen=32)
        """The samples in a row that looked tampered with."""
        self._other: tuple[float, Look] | None = None
        """What it looks like that is no tampering, and since when."""
        self.state = state if learnt is not None else Look.CLEAR
        """What is said now: clear, dark, or the alarm that is on."""
        self.verdict = Look.CLEAR
        """What the last sample looked like, taken by itself."""
        self.since = 0.0
        """When what is said began: an alarm is sure only some samples later."""

    @property
    def background(self) -> Sample | None:
        """The view as it is known now; None: nothing was learned yet."""
        return np.clip(self._view.picture, 0, 255).astype(np.uint8) if self._view is not None else None

    def see(self, sample: Sample, at: float) -> Look:
        """Take in what was seen at the monotonic time *at*; the new `state`."""
        if self._view is None:
            return self._learn(sample, at)
        verdict, _ = look(self._view, sample)
        if self._is_frozen(sample, at) and verdict in (Look.CLEAR, Look.UNSURE):
            verdict = Look.FROZEN
        self.verdict = verdict
        self._turn(verdict, at)
        if self.state is verdict is Look.CLEAR and at - self._adapted_at >= _ADAPT_EVERY_S:
            self._view = self._view.adapted(sample, _ADAPT_EVERY_S)
            self._adapted_at = at
        return self.state

    def _learn(self, sample: Sample, at: float) -> Look:
        self.since = self._learning_since = at if self._learning_since is None else self._learning_since
        self._learning.append(sample)
        if len(self._learning) == WARM_UP:
            self._view = View.learnt(self._learning)
            if self._view is not None:
                self.state = Look.CLEAR
            elif float(sample.mean()) < DARK:
                self.state = Look.DARK
            elif at - self._learning_since >= FEATURELESS_S and not View(sample.astype(np.float32)).is_recognisable:
                self.state = Look.COVERED
        return self.state

    def _is_frozen(self, sample: Sample, at: float) -> bool:
        before, self._before = self._before, sample
        if before is None or float(cv2.absdiff(sample, before).mean()) > _STILL:
            self._same_since = at
        return at - self._same_since >= FROZEN_S

    def _turn(self, verdict: Look, at: float) -> None:
        """A new `state`, once *verdict* has been the same for long enough."""
        if verdict.is_tampering:
            self._other = None
            self._suspect(verdict, at)
        elif verdict is not Look.UNSURE:
            self._suspects.clear()
            if self._other is None or self._other[1] is not verdict:
                self._other = at, verdict
            # The dark hides what an alarm was about; it does not end the alarm.
            stays = verdict is Look.DARK and self.state.is_tampering
            if not stays and at - self._other[0] >= CLEAR_S:
                self.state, self.since = verdict, self._other[0]

    def _suspect(self, verdict: Look, at: float) -> None:
        if verdict is Look.BLACK and self.state is Look.DARK:
            return  # it was dark before it was black: what could still be seen went with the light
        while self._suspects and at - self._suspects[0][0] > FORGET_S:
            self._suspects.popleft()
        self._suspects.append((at, verdict))
        is_sure = verdict is Look.FROZEN or at - self._suspects[0][0] >= CONFIRM_S
        if is_sure and not self.state.is_tampering:
            self.state = Counter(each for _, each in self._suspects).most_common(1)[0][0]
            self.since = self._same_since if verdict is Look.FROZEN else self._suspects[0][0]
