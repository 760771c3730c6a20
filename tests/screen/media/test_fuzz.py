"""Damaged files by chance: each is shown whole or refused, and nothing else ever happens.

`COUNTER_AGENT_DAMAGED` is how many there are (`make soak` takes a thousand).
"""

import os
import random
import secrets
from pathlib import Path

import av
import pytest
from PIL import Image

from agent.screen.media.develop import Refused, develop
from tests.screen.documents import pdf
from tests.screen.films import RIGHT, film
from tests.screen.pictures import noise

DAMAGED = int(os.environ.get("COUNTER_AGENT_DAMAGED", "3"))
REASONS = {
    *("broken", "unknown", "pixels", "pages", "locked", "memory", "crashed", "heic", "no_video", "codec", "profile"),
    *("level", "size", "rate", "bitrate", "interlaced", "length", "short", "empty", "container", "office"),
}


def wounded(data: bytes, chance: random.Random) -> bytes:
    """*data* with a wound: some bytes changed, a piece missing, doubled or moved, or its end cut off."""
    at, length = chance.randrange(len(data)), chance.randrange(1, 400)
    match chance.randrange(5):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[at + length :]
        case 2:
            return data[:at] + data[max(0, at - length) :]
        case 3:
            return data[:at] + chance.randbytes(length) + data[at + length :]
        case _:
            changed = bytearray(data)
            for _ in range(chance.randrange(1, 20)):
                changed[chance.randrange(min(len(changed), 2000))] = chance.randrange(256)
            return bytes(changed)


@pytest.mark.timeout(7200)
def test_a_damaged_file_is_shown_whole_or_refused(tmp_path: Path) -> None:
    seed = secrets.randbelow(2**32)
    chance = random.Random(seed)
    whole = [noise((400, 300), kind) for kind in ("JPEG", "PNG", "WEBP")]
    whole += [pdf((595, 842), (842, 595)), film(**RIGHT), film(container="matroska", sound=True)]
    workshop = tmp_path / "work"
    workshop.mkdir()
    for number in range(DAMAGED):
        file = tmp_path / f"{seed}-{number}"
        file.write_bytes(wounded(chance.choice(whole), chance))
        try:
            made = develop(file, workshop)
        except Refused as refused:
            if refused.reason not in REASONS:
                raise AssertionError(f"{file}: {refused.reason} {refused.values}") from refused
        else:
            for each, medium in zip(made.files, made.media, strict=True):
                if medium.kind == "video":
                    with av.open(str(each), "r") as opened:
                        assert sum(1 for _ in opened.decode(video=0)) > 1
                else:
                    Image.open(each).load()
        file.unlink()
        for left in workshop.iterdir():
            left.unlink()
