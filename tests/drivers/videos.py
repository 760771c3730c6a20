"""Small real videos, written when a test needs one."""

from pathlib import Path

import av

from drivers.camera.room import Room

FPS = 30


def write_video(
    path: Path,
    *,
    frames: int = 30,
    codec: str = "libx264",
    size: tuple[int, int] = (128, 96),
    reorders: bool = True,
    slices: int = 0,
) -> Path:
    """The drawn counter, 30 pictures a second, a key frame every 10; the suffix names the container.

    Cameras on the network do not reorder pictures. *slices* of a picture: 0 leaves that to the encoder.
    """
    options = {} if reorders else {"bf": "0"}
    options |= {"slices": str(slices), "threads": "1"} if slices else {}
    room = Room(*size)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 10
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(room.draw(number / FPS, number), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
