"""The brightness of a picture, read where the decoder left it, and made small cheaply.

Imports PyAV and OpenCV: only the camera's child may import this module.
"""

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]

COLUMNS, ROWS = 320, 180
"""What is looked at is not smaller."""
_BRIGHTNESS_FIRST = frozenset({"gray", "nv12", "yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p"})
"""Formats whose first plane is the brightness, a byte each."""


def brightness(frame: av.VideoFrame) -> Luma:
    """The brightness of *frame*: where the decoder left it, if it has a plane of its own."""
    if frame.format.name not in _BRIGHTNESS_FIRST:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]


def shrunk(luma: Luma) -> Luma:
    """*luma* halved as often as it stays large enough: much cheaper than to shrink it in one step."""
    while luma.shape[0] >= 2 * ROWS and luma.shape[1] >= 2 * COLUMNS:
        rows, columns = luma.shape[0] // 2, luma.shape[1] // 2
        even = luma[: 2 * rows, : 2 * columns]
        luma = cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return luma
