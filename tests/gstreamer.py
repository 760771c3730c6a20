"""A camera that nobody here wrote: Debian's GStreamer RTSP server, playing a film on loopback.

It says anew what describes the pictures before each slice of a key frame. It is a process of the system's own Python,
for which Debian builds the bindings. `sh bootstrap.sh bench` installs it: 45 MB and more are too much for the tests of
every change.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PYTHON = "/usr/bin/python3"
WHAT = "GStreamer's RTSP server (gir1.2-gst-rtsp-server-1.0; `sh bootstrap.sh bench` installs it)"
_IMPORTS = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
"""
_SERVER = """
import sys
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch(
    f"( filesrc location={sys.argv[1]} ! qtdemux ! h264parse ! video/x-h264,alignment=au "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
server.get_mount_points().add_factory("/quay", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


def is_installed() -> bool:
    """Whether the server and the elements that it needs are there."""
    needed = "assert all(Gst.ElementFactory.find(n) for n in ('qtdemux', 'h264parse', 'rtph264pay'))"
    try:
        done = subprocess.run([PYTHON, "-c", _IMPORTS + needed], capture_output=True, check=False, timeout=60)
    except FileNotFoundError:
        return False
    return done.returncode == 0


@contextmanager
def gstreamer_camera(film: Path) -> Iterator[str]:
    """The address of a camera that sends *film*, an MP4 file, from its beginning to whoever asks."""
    with subprocess.Popen(
        [PYTHON, "-c", _IMPORTS + _SERVER, str(film)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield f"rtsp://127.0.0.1:{int(server.stdout.readline())}/quay"
        finally:
            server.kill()
