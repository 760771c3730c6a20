"""A theme in which people could not read is told as such, pair by pair."""

from dataclasses import replace

import pytest

from agent.screen.theme import HIGH_CONTRAST, Theme, contrast, faint, lighter


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#ffffff", "#0a2a5e", 13.9),
        ("#1b1600", "#ffcf33", 12.2),
        ("#ffffff", "#0b6b3a", 6.6),
        ("#777777", "#777777", 1),
    ],
)
def test_contrast_is_the_ratio_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.06)
    assert contrast(other, one) == contrast(one, other)


def test_black_on_white_is_the_most_there_is() -> None:
    assert contrast("#000000", "#ffffff") == 21


@pytest.mark.parametrize("theme", [Theme(), HIGH_CONTRAST], ids=["own", "high contrast"])
def test_the_themes_we_ship_can_be_read(theme: Theme) -> None:
    assert faint(theme) == []


@pytest.mark.parametrize(
    ("change", "pair"),
    [
        ({"soft": "#4060a0"}, ("soft", "ground")),
        ({"band": "#8090a0"}, ("text", "band")),
        ({"accent": "#334455"}, ("accent", "ground")),
        ({"on_accent": "#eeeeee"}, ("on_accent", "accent")),
        ({"thanks": "#66dd99"}, ("#ffffff", "thanks")),
    ],
)
def test_a_faint_pair_is_named(change: dict[str, str], pair: tuple[str, str]) -> None:
    found = faint(replace(Theme(), **change))  # type: ignore[arg-type]
    assert pair in [(each.text, each.ground) for each in found]
    assert all(each.ratio < each.needed for each in found)


def test_a_gradient_is_judged_where_it_is_lightest() -> None:
    """White on this ground has 7.3; where the gradient begins it has less than 7."""
    theme = replace(Theme(), ground="#2a5298", soft="#ffffff")
    assert contrast(theme.text, theme.ground) > 7 > contrast(theme.text, theme.lift)
    assert ("text", "ground") in [(each.text, each.ground) for each in faint(theme)]


def test_high_contrast_has_no_gradient() -> None:
    assert HIGH_CONTRAST.lift == HIGH_CONTRAST.ground


def test_lighter_keeps_the_hue_and_ends_at_white() -> None:
    assert lighter("#0a2a5e", 0) == "#0a2a5e"
    assert lighter("#fefefe", 0.5) == "#ffffff"
