"""Makes what may leave of the pictures in memory: a still, a glimpse, a clip. Every one passes `privacy.Egress`.

Runs on the child's answering thread. Imports PyAV and OpenCV: only the camera's child may import this module.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from agent.surveillance.decode import Moment, newest, spread
from agent.surveillance.egress.clip import film
from agent.surveillance.egress.privacy import JPEG_QUALITY, Egress, Picture

if TYPE_CHECKING:
    from agent.surveillance.ring import Ring
    from drivers.base import Camera

logger = logging.getLogger(__name__)

CLIP_PICTURES = 20
SMALL_PX = 640
"""A clip and a glimpse are not wider: the faces in them are found while somebody waits, and they fit a thin link."""
GLIMPSE_QUALITY = 60
FRESH_S = 2.5
"""A key frame that is not older is as good as the newest picture to who looks every few seconds."""


class Stills:
    """Answers for one camera."""

    def __init__(self, camera: "Camera", ring: "Ring") -> None:
        self._camera, self._ring = camera, ring

    def make(
        self, kind: str, egress: Egress, keyframe: Moment | None, pace: Callable[[], None]
    ) -> tuple[dict[str, Any], bytes]:
        """The words and the bytes of a `still`, a `glimpse` or a `clip`; or what went wrong.

        *keyframe* is the last one, decoded already. *pace* is called at every step, and may raise TimeoutError.
        """
        at: list[float] = []
        try:
            shown = egress.show_all(self._pictures(kind, keyframe, pace, at))
            if not shown:
                return {"error": "no valid picture in memory"}, b""
            pace()
            quality = JPEG_QUALITY if kind == "still" else GLIMPSE_QUALITY
            content = film(shown, at) if kind == "clip" else shown[0].jpeg(quality)
        except TimeoutError as error:
            return {"error": str(error)}, b""
        except Exception as error:  # the edge: a picture that cannot be shown must not end the capture
            logger.exception("a %s could not be made", kind)
            return {"error": str(error)}, b""
        height, width = shown[0].picture.shape[:2]
        words = {
            "width_px": width,
            "height_px": height,
            "taken_at_monotonic": at[-1],
            "pictures": len(shown),
            "lasts_s": round(at[-1] - at[0], 3),
            "egress": shown[0].egress,
            "hidden": sorted({name for each in shown for name in each.hidden}),
        }
        return words, content

    def _pictures(
        self, kind: str, keyframe: Moment | None, pace: Callable[[], None], at: list[float]
    ) -> Iterator[Picture]:
        """One after the other, each made small before the next is decoded; when they came goes into *at*."""
        for moment in self._moments(kind, keyframe, pace):
            pace()
            at.append(moment.at_monotonic)
            yield picture(moment, None if kind == "still" else SMALL_PX)

    def _moments(self, kind: str, keyframe: Moment | None, pace: Callable[[], None]) -> Iterator[Moment]:
        if kind == "clip":
            yield from spread(self._camera.codec, self._ring.groups(), CLIP_PICTURES, pace)
        elif kind == "glimpse" and keyframe is not None and time.monotonic() - keyframe.at_monotonic <= FRESH_S:
            yield keyframe
        elif (moment := newest(self._camera.codec, self._ring.groups(), pace)) is not None:
            yield moment


def picture(moment: Moment, widest_px: int | None = None) -> Picture:
    """*moment* as OpenCV has it, not wider than *widest_px*."""
    frame = moment.frame
    if widest_px is not None and frame.width > widest_px:
        frame = frame.reformat(width=widest_px, height=round(frame.height * widest_px / frame.width / 2) * 2)
    return frame.to_ndarray(format="bgr24").astype("uint8", copy=False)
