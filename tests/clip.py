"""The public surveillance clip that camera tests make films of: people in a street, 768x576, 10 pictures a second."""

import gzip
import os
import shutil
from pathlib import Path

CLIPS = Path("/usr/share/doc/opencv-doc/examples/data")
WHAT = "the surveillance clip (Debian's package opencv-doc, or a video named by COUNTER_AGENT_CLIP)"


def found_clip() -> Path | None:
    """Where it is on this machine, packed or not; None where it is missing."""
    named = os.environ.get("COUNTER_AGENT_CLIP")
    places = [Path(named)] if named else [CLIPS / "vtest.avi", CLIPS / "vtest.avi.gz"]
    return next((place for place in places if place.is_file()), None)


def unpacked(source: Path, folder: Path) -> Path:
    """*source* as FFmpeg can read it; below *folder* if it had to be unpacked."""
    if source.suffix != ".gz":
        return source
    plain = folder / source.stem
    with gzip.open(source) as packed, plain.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return plain
