"""Proof of display: that what should be on the glass is on it, seen with the eyes of a phone and not of the page.

A picture of the glass is taken every quarter of an hour, a minute after one that proved nothing good, and when a code
appears where none was. The code in it must be the one that the agent wants there, asked before and after, because it
turns. Fades and thank-yous pass over the glass, so nothing bad is told before the third look in a row. The picture is
forgotten at once and never leaves the box.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agent.errors import TryAgain
from agent.screen.kiosk.word import Proof, Wish

log = logging.getLogger(__name__)

EVERY_S = 900.0
AGAIN_S = 60.0
FIRST_S = 15.0
"""After the page's first sign: fonts, the first item and the code are there by then."""
LOOKS = 3
BETWEEN_S = 6.0
"""Longer than a thank-you, and than the pause between two beats of the page."""
PATIENCE_S = 60.0
"""For the program that looks, at the lowest priority on a busy board."""
GRIM_S = 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """What is in a picture of the glass."""

    codes: tuple[str, ...]
    blank: float


def examine(picture: bytes) -> Look:
    """Look at *picture*, in a process of its own. Raises TryAgain."""
    command = [sys.executable, "-m", "agent.screen.kiosk.examine"]
    try:
        said = subprocess.run(command, input=picture, capture_output=True, timeout=PATIENCE_S, check=True).stdout
        found = json.loads(said)
        return Look(tuple(found["codes"]), found["blank"])
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise TryAgain(f"the picture of the screen cannot be looked at ({error})") from error


def compositor_picture() -> bytes | None:
    """What the compositor puts on the panel; None: this is no session in which `grim` could ask it.

    Raises:
        TryAgain: it could, and there is no picture: the television may be unplugged, and what the browser draws for
            nobody proves nothing.
    """
    program = shutil.which("grim") if "WAYLAND_DISPLAY" in os.environ else None
    if program is None:
        return None
    try:
        done = subprocess.run([program, "-"], capture_output=True, timeout=GRIM_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise TryAgain(f"no picture of the compositor ({error})") from error
    said = done.stderr.decode(errors="replace")
    if done.returncode != 0 and "screencopy" in said:  # it is one that cannot be asked
        return None
    if done.returncode != 0:
        raise TryAgain(f"no picture of the compositor ({' '.join(said.split())[:200]})")
    return done.stdout


def verdict(look: Look, before: Wish, after: Wish) -> Literal["right", "wrong", "unreadable", "none"]:
    """What is to be said of the code in a picture taken between two wishes."""
    wanted = {before.code, after.code}
    if None in wanted:
        return "none"
    if wanted & set(look.codes):
        return "right"
    return "wrong" if look.codes else "unreadable"


class Eye:
    """Takes the proofs and remembers the last. One thread."""

    def __init__(
        self,
        *,
        ask: Callable[[], Wish],
        examine: Callable[[bytes], Look] = examine,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """*ask*: what the agent wants at this moment; raises TryAgain."""
        self._ask, self._examine, self._now = ask, examine, now
        self._proof: Proof | None = None
        self._taken_at = 0.0
        self._due_at: float | None = None
        self._looks = 0
        self._revision = 0
        self._was_coded = True

    def rest(self) -> None:
        """There is no page now, or a dark panel: what was proved is past."""
        self._proof, self._due_at, self._looks = None, None, 0

    def proof(self) -> Proof | None:
        """The last one, as old as it is."""
        if self._proof is None:
            return None
        return self._proof.model_copy(update={"age_s": self._now() - self._taken_at})

    def look(self, wish: Wish, picture: Callable[[], bytes]) -> None:
        """Take a proof if it is time. *picture*: what is on the glass; raises TryAgain."""
        if self._due_at is None or (wish.code is not None and not self._was_coded):
            self._due_at = self._now() + FIRST_S
        self._was_coded = wish.code is not None
        if self._now() < self._due_at:
            return
        try:
            before = self._ask()
            shown = self._examine(picture())
            after = self._ask()
        except TryAgain as error:
            log.info("no proof of display: %s", error)
            self._due_at = self._now() + AGAIN_S
            return
        if self._looks == 0:
            self._revision = before.revision
        self._weigh(
            Proof(
                age_s=0,
                code=verdict(shown, before, after),
                blank=shown.blank,
                is_stale=after.drawn is not None and after.drawn < self._revision,
            )
        )

    def _weigh(self, proof: Proof) -> None:
        """Believe what is good; what is bad, once it has been seen so often."""
        self._looks = 0 if proof.is_good else self._looks + 1
        if not proof.is_good and self._looks < LOOKS:
            self._due_at = self._now() + BETWEEN_S
            return
        before, self._looks = self._proof, 0
        self._proof, self._taken_at = proof, self._now()
        self._due_at = self._now() + (EVERY_S if proof.is_good else AGAIN_S)
        if before is None or (before.code, before.is_stale) != (proof.code, proof.is_stale):
            blank, age = 100 * proof.blank, "of old" if proof.is_stale else "of now"
            log.info("proof of display: the code is %s, the page is %s, %.0f %% is one tone", proof.code, age, blank)
