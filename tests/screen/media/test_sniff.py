"""What a file is, whatever its name says."""

import pytest

from agent.screen.media.medium import MediaError
from agent.screen.media.sniff import sniff
from tests.screen.documents import pdf
from tests.screen.films import film
from tests.screen.pictures import plain


def test_a_file_is_known_by_its_first_bytes() -> None:
    assert sniff(plain((1, 2, 3), kind="JPEG")) == ("picture", "jpg")
    assert sniff(plain((1, 2, 3), kind="PNG")) == ("picture", "png")
    assert sniff(plain((1, 2, 3), kind="WEBP")) == ("picture", "webp")
    assert sniff(b"\xef\xbb\xbf\r\n" + pdf((100, 100))) == ("document", "pdf")
    assert sniff(film(seconds=0.2)) == ("film", "mp4")
    assert sniff(film(seconds=0.2, container="matroska")) == ("film", "mkv")
    assert sniff(b"\0\0\0\x08wide\0\0\0\x08mdat") == ("film", "mp4")


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "empty"),
        (b"\0" * 900, "unknown"),
        (b"GIF89a" + b"\0" * 60, "unknown"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "unknown"),
        (b"RIFF\0\0\0\0WAVEfmt ", "unknown"),
        (b"\0\0\0\x18ftypavif", "unknown"),
        (b"\0\0\0\x18ftypheic", "heic"),
        (b"RIFF\0\0\0\0AVI LIST", "container"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "container"),
        (b"PK\x03\x04\x14\0\x06\0", "office"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_what_it_is(head: bytes, reason: str) -> None:
    with pytest.raises(MediaError) as refused:
        sniff(head)
    assert refused.value.reason == reason
