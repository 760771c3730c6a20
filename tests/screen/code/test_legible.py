"""Whether a phone can read the code: the rule's figures, and that they are those of the drawing."""

import pytest

from agent.rating.phone.sticker import sticker_address
from agent.screen.code.legible import ROOM_PX, Code, modules_of, on_screen
from agent.screen.code.qr import QUIET_ZONE
from tests.screen.code.test_qr import modules

SIGNED = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/" + "A" * 29


@pytest.mark.parametrize("length", [20, 21, 38, 39, 61, 62, 90, 91, 122, 123, 200])
def test_the_table_says_what_the_encoder_draws(length: int) -> None:
    from agent.screen.code.qr import rating_qr

    for text in ("HTTPS://" + "A" * (length - 8), "https://" + "a" * (length - 8)):
        assert modules_of(text) + 2 * QUIET_ZONE == modules(rating_qr(text))


def test_a_signed_address_of_the_example_is_of_version_4_and_a_short_host_makes_it_3() -> None:
    assert modules_of(SIGNED) == 17 + 4 * 4
    assert modules_of("HTTPS://DG.NGHEAN.GOV.VN/R/" + "A" * 29) == 17 + 4 * 3
    assert modules_of(sticker_address("HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/", "na-0123")) == 17 + 4 * 3


def test_a_code_of_a_tenth_of_the_distance_and_modules_of_a_335th_can_be_read() -> None:
    assert Code(25, 4.0).reach_m == pytest.approx(1.0)
    assert Code(45, 4.0).reach_m == pytest.approx(1.34)
    needed = Code(45, 1.0).needed_at(2.0)
    assert needed.reach_m == pytest.approx(2.0)
    assert needed.module_mm == pytest.approx(2000 / 335)


@pytest.mark.parametrize(
    ("orientation", "inches", "reach_m"), [("landscape", 43, 1.6), ("portrait", 43, 1.3), ("landscape", 21.5, 0.8)]
)
def test_how_far_the_usual_panels_reach(orientation: str, inches: float, reach_m: float) -> None:
    assert on_screen(SIGNED, orientation, inches).reach_m == pytest.approx(reach_m, abs=0.06)  # type: ignore[arg-type]


def test_the_longest_address_still_makes_a_code() -> None:
    assert modules_of("HTTPS://" + "A" * 192 + "A" * 29)
    assert ROOM_PX["portrait"] // (modules_of("https://" + "a" * 192 + "A" * 29) + 2 * QUIET_ZONE) >= 4
