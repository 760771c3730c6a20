"""`python -m tests.bench.plain_loop FILM`: what everybody writes first with OpenCV, at the film's own pace, for ever.

Read, grey, small, difference to the picture before. It records nothing.
"""

import sys
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.bench.film import FPS


def main(film: str) -> None:
    cv2.setNumThreads(1)
    before: NDArray[np.uint8] | None = None
    began, shown = time.monotonic(), 0
    while True:
        video = cv2.VideoCapture(film, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        while True:
            is_there, picture = video.read()
            if not is_there:
                break
            small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (320, 180), interpolation=cv2.INTER_AREA)
            soft = cv2.GaussianBlur(small, (5, 5), 0).astype(np.uint8, copy=False)
            if before is not None:
                cv2.countNonZero(cv2.threshold(cv2.absdiff(soft, before), 20, 255, cv2.THRESH_BINARY)[1])
            before = soft
            shown += 1
            time.sleep(max(0.0, began + shown / FPS - time.monotonic()))
        video.release()


if __name__ == "__main__":
    main(sys.argv[1])
