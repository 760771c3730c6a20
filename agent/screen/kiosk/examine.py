"""Looks at a picture of the glass: which QR codes a phone could read in it, and whether anything is drawn at all.

A program of its own (`python -m agent.screen.kiosk.examine`): PNG in, JSON out. Four times an hour, for a second or
two: what it needs of memory is given back each time, and the kiosk stays small.
"""

import json
import os
import sys

import cv2
import numpy as np
from numpy.typing import NDArray

SCALES = (1.0, 0.75, 0.5)
"""A detector misses codes at some sizes; phones see them at all of them."""
LEVELS = 32
"""Of brightness: a gradient over a blank slide is not one level, a fade's noise is."""
NICE = 19


def codes_in(picture: NDArray[np.uint8]) -> list[str]:
    """What the QR codes in a grey *picture* say, each once."""
    detector, found = cv2.QRCodeDetector(), dict[str, None]()
    for scale in SCALES:
        seen = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _, texts, _, _ = detector.detectAndDecodeMulti(seen)
        found.update(dict.fromkeys(filter(None, texts)))
    return list(found)


def blank_share(picture: NDArray[np.uint8]) -> float:
    """The share of a grey *picture* that has its commonest level of brightness."""
    counts = np.bincount(picture.ravel() // (256 // LEVELS), minlength=LEVELS)
    return float(counts.max() / picture.size)


def main() -> None:
    """Standard input: a picture. Exits 1 when it is none."""
    os.nice(NICE)
    cv2.setNumThreads(1)
    picture = cv2.imdecode(np.frombuffer(sys.stdin.buffer.read(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        sys.exit("that is no picture")
    grey = np.asarray(picture, np.uint8)
    print(json.dumps({"codes": codes_in(grey), "blank": blank_share(grey)}))


if __name__ == "__main__":
    main()
