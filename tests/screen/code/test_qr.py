"""The rating QR: whole modules on its own white, small when the address lets it be."""

import re

import pytest

from agent.screen.code.qr import is_compact, printed, rating_qr


def modules(svg: str) -> int:
    found = re.search(r'viewBox="0 0 (\d+) \1"', svg)
    assert found is not None
    return int(found[1])


def test_capitals_take_a_smaller_code_than_the_same_address_in_small_letters() -> None:
    address = "HTTPS://DANHGIA.VN/R/7K3M9QX2"
    assert modules(rating_qr(address)) == 25 + 8
    assert modules(rating_qr(address.lower())) == 29 + 8
    assert is_compact(address)
    assert not is_compact(address.lower())


def test_the_drawing_brings_its_own_white_to_the_edge_of_the_quiet_zone() -> None:
    svg = rating_qr("HTTPS://DANHGIA.VN/R/7K3M9QX2")
    assert 'fill="#fff" d="M0 0h33v33H0z"' in svg
    assert 'shape-rendering="crispEdges"' in svg
    dark = re.findall(r"M(\d+) (\d+)h(\d+)v1", svg)
    assert min(int(x) for x, _, _ in dark) == 4
    assert max(int(x) + int(length) for x, _, length in dark) == 33 - 4


def test_every_coordinate_is_a_whole_module() -> None:
    assert "." not in rating_qr("HTTPS://DANHGIA.VN/R/1").split("<path", 1)[1]


@pytest.mark.parametrize("text", ["", "x" * 4000])
def test_what_no_code_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the type is the promise
        rating_qr(text)


@pytest.mark.parametrize("address", ["HTTPS://DANHGIA.VN/R/1", "http://DANHGIA.VN/R/1"])
def test_the_printed_text_leaves_out_what_a_browser_adds(address: str) -> None:
    assert printed(address) == "DANHGIA.VN/R/1"
