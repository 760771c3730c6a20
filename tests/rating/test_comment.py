"""A comment keeps its sense and loses whatever leads to a person."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.rating.comment import GAP, scrub
from agent.rating.record import LONGEST_COMMENT

WORDS = ["không", "một", "Hai", "ba", "năm", "số", "đường", "Lê", "Lợi", "a còng", "cán bộ", "ok", "e\u0302\u0301"]
PIECES = st.one_of(
    st.sampled_from(
        [*WORDS, *"0123456789@./:-…,+( )", "https://", "www.", ".com", "４", "²", "Ⅳ", "१", "1\ufe0f\u20e3"]
    ),
    st.text(max_size=4),
)
TEXTS = st.lists(PIECES, max_size=60).map("".join) | st.lists(PIECES, max_size=40).map(" ".join)


@given(TEXTS)
@example("0" * 400)
@example("a" * 299 + "@b")
@example("nguyen" * 49 + ".community")
def test_nothing_that_leads_to_a_person_survives(comment: str) -> None:
    kept = scrub(comment)
    assert len(kept) <= LONGEST_COMMENT
    assert not any(character.isnumeric() for character in kept)
    assert "@" not in kept
    assert "://" not in kept or not kept.partition("://")[0][-1:].isalnum()
    assert not any(unicodedata.category(character).startswith("C") for character in kept)
    assert unicodedata.is_normalized("NFC", kept)
    assert kept == " ".join(kept.split())
    assert scrub(kept) == kept


@pytest.mark.parametrize(
    "number",
    [
        "0912345678",
        "0912 345 678",
        "0912.345.678",
        "+84 912-345-678",
        "(0238) 3841 234",
        "040 093 001 234",
        "37A-123.45",
        "０９１２３４５６７８",
        "0\u200b9\u200b1\u200b2",
        "➀➁➂",
        "1\ufe0f\u20e32\ufe0f\u20e3",
        "không chín một hai ba bốn năm sáu bảy tám",
        "Không chín một, hai ba bốn",
        "không chín 12 ba bốn",
        "khong chin mot hai ba",
        "zero nine one two three",
    ],
)
def test_a_number_leaves_a_gap_however_it_is_written(number: str) -> None:
    assert scrub(f"gọi {number} nhé") == f"gọi {GAP} nhé"
    assert scrub(unicodedata.normalize("NFD", f"gọi {number} nhé")) == f"gọi {GAP} nhé"


@pytest.mark.parametrize(
    "address",
    [
        "nguyen.van.a@gmail.com",
        "nguyenvana @ gmail.com",
        "nguyenvana(at)gmail.com",
        "nguyenvana a còng gmail",
        "@nguyenvana",
        "https://facebook.com/nguyen.van.a",
        "HTTP://10.0.0.1/x?y=z",
        "www.facebook.com/nguyenvana",
        "facebook.com/nguyenvana",
        "zalo.me/nguyenvana",
        "congan.nghean.gov.vn",
        "số 12 đường Lê Lợi",
        "số nhà 12/3A, ngõ 5 đường Nguyễn Thị Minh Khai",
        "12 phố lê lợi",
        "Số 7, khối Quang Trung",
        "12B Tran Phu street",
    ],
)
def test_an_address_leaves_a_gap(address: str) -> None:
    kept = scrub(f"xem {address} nhé")
    assert kept.startswith(f"xem {GAP}")
    for piece in ("nguyenvana", "nguyen.van", "gmail", "facebook", "zalo", "nghean", "Lợi", "lợi", "Khai", "Quang"):
        assert piece not in kept


@pytest.mark.parametrize(
    "comment",
    [
        "Cán bộ rất nhiệt tình, giải thích dễ hiểu. Cảm ơn!",
        "Đợi hai ba năm mới xong",
        "tốt.Cán bộ vui vẻ",
        "Nên có thêm ghế, quạt và/hoặc nước uống…",
        "Đường Lê Lợi đang sửa, khó đi",
        "Very helpful 👍",
    ],
)
def test_ordinary_words_stay(comment: str) -> None:
    assert scrub(comment) == comment


@pytest.mark.parametrize("comment", ["", "   ", "\r\n\t", "0912345678", "a@b.vn, 0912", "…", "\x00\x1b\u202e"])
def test_nothing_left_is_nothing(comment: str) -> None:
    assert scrub(comment) == ""


def test_lines_become_one_and_control_characters_go() -> None:
    assert scrub("một dòng\r\n\r\nhai\tdòng\x07\u202e nữa\u2028hết") == "một dòng hai dòng nữa hết"
