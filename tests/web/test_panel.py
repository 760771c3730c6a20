"""An inspector before the screen: every step can be read, fits in both orientations, and goes by itself."""

import pytest

from agent.language import language
from agent.panel import Panel
from agent.rating.inspection.guide import code_strip, findings_panel, step_panel
from agent.rating.inspection.inspection import Inspection
from agent.rating.scale import VN4, VN5
from agent.screen.code.qr import rating_qr
from agent.screen.hub import Banner
from tests.rating.inspecting import findings_of
from tests.web.conftest import LANDSCAPE, PORTRAIT, OpenPage
from tests.web.looking import codes, contrasts, overflowing, seen, until
from tests.web.serving import ADDRESS, Serving

SIZES = pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
VI = language("vi")
LINE = " ".join(
    [
        "MOTCUA1 na-0123 01J6X4Q0000000000000000000",
        *(f"{lane}:{2**31 - 1}:{'Qw7-' * 10}xyz" for lane in ("alert", "record", "metric")),
    ]
)
is_on = "!document.querySelector('.panel').hidden"


def steps(serving: Serving) -> dict[str, Panel]:
    """The longest page of every step."""
    ends_at = serving.clock.monotonic() + 600
    keys = Inspection([("keypad", 3), ("keypad-2", 4), ("keypad-2", 0)], has_qr=True, cameras=["quay"], since=0)
    pages = {}
    for keypad, level in (("keypad", 1), ("keypad", 1), ("keypad", 1), ("keypad-2", 3)):
        keys.press(keypad, level, 1)
    pages["keys"] = step_panel(keys, VI, VN5, ends_at=ends_at)
    for _ in range(2):
        keys.wait(keys.since + 20)
    pages["qr"] = step_panel(keys, VI, VN5, ends_at=ends_at)
    keys.qr_opened(99)
    pages["camera"] = step_panel(keys, VI, VN4, ends_at=ends_at)
    keys.looked({"quay": True}, 100)
    drawing = rating_qr(LINE)
    pages["findings"] = findings_panel(keys, VI, findings_of(), heads=LINE, drawing=drawing, ends_at=ends_at)
    return pages


@SIZES
def test_every_step_fits_can_be_read_and_shows_the_code_that_belongs_to_it(
    serving: Serving, open_page: OpenPage, size: tuple[int, int]
) -> None:
    serving.hub.set_banner(Banner("inspection", "08:25", serving.clock.monotonic() + 600))
    page = open_page(size=size)
    for name, panel in steps(serving).items():
        serving.hub.set_panel(panel)
        until(page, f"{is_on} && document.querySelector('.panel .task').textContent === {panel.ask!r}")
        assert overflowing(page) == [], name
        note = page.locator(".panel .note").bounding_box()
        assert note is not None
        assert note["y"] + note["height"] <= size[1], name
        assert [text for text in contrasts(page) if text["ratio"] < (3 if text["isLarge"] else 4.5)] == [], name
        assert codes(seen(page)) == {"qr": [ADDRESS], "findings": [LINE]}.get(name, []), name


def test_the_strip_of_a_code_shows_how_many_keys_and_hides_no_code(serving: Serving, open_page: OpenPage) -> None:
    page = open_page(size=PORTRAIT)
    serving.hub.set_panel(code_strip(VI, 2, 6))
    until(page, is_on)
    assert page.locator(".panel .focus").inner_text() == "● ● ○ ○ ○ ○"
    assert overflowing(page) == []
    assert codes(seen(page)) == [ADDRESS]


def test_the_thank_you_does_not_cover_what_an_inspector_reads(serving: Serving, open_page: OpenPage) -> None:
    page = open_page()
    serving.hub.set_panel(steps(serving)["keys"])
    serving.hub.thank()
    until(page, "getComputedStyle(document.querySelector('.thanks')).opacity === '1'")
    assert page.evaluate("document.elementFromPoint(960, 600).closest('.panel') !== null")


def test_a_panel_goes_at_its_end_even_when_the_agent_is_away(serving: Serving, open_page: OpenPage) -> None:
    page = open_page()
    page.clock.install()
    serving.hub.set_panel(Panel("Kiểm tra quầy", ends_at_monotonic=serving.clock.monotonic() + 60))
    page.reload()
    until(page, is_on)
    serving.stop()
    page.clock.fast_forward(61_000)
    assert not page.evaluate(is_on)


def test_a_panel_is_taken_away(serving: Serving, open_page: OpenPage) -> None:
    serving.hub.set_panel(Panel("Kiểm tra quầy"))
    page = open_page()
    until(page, is_on)
    serving.hub.set_panel(None)
    until(page, f"!({is_on})")
