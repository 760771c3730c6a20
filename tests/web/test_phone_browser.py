"""The rating page in a real browser of a cheap phone's size: with and without scripts, by finger and by keyboard.

axe-core judges every page; what it cannot see (large text, the dark, a name that is too long) is measured here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from agent.rating.phone.visit import Place
from agent.rating.record import Reason
from agent.rating.scale import VN5
from agent.rating.urn import Cast
from tests.web.looking import contrasts
from tests.web.phones import Desk, Phone, ServedPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PHONE = (360, 640)
LIMIT_BYTES = 60_000
LONG = Place(
    "Bộ phận Tiếp nhận và Trả kết quả theo cơ chế một cửa, một cửa liên thông Công an phường Trường Vinh",
    12,
    VN5,
    ("0238 3841 110", "113", "1900 0368"),
)
OpenPhone = Callable[..., Any]


@pytest.fixture(scope="module")
def shared() -> Iterator[ServedPage]:
    with ServedPage(Desk()) as served:
        Phone(served.service.port).scan("warm")  # its worker thread is there before the tests count threads
        yield served


@pytest.fixture
def served(shared: ServedPage) -> ServedPage:
    shared.desk.reset()
    return shared


@pytest.fixture
def open_phone(browser: "Browser", served: ServedPage) -> Iterator[OpenPhone]:
    """A phone that scans what the screen shows. What its browser complains of or loads elsewhere fails the test."""
    complaints: list[str] = []

    @contextmanager
    def opened(path: str = "", *, size: tuple[int, int] = PHONE, **options: Any) -> Iterator["Page"]:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=options.pop("locale", "vi-VN"),
            has_touch=True,
            is_mobile=True,
            **options,
        )
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
        page.on("request", lambda r: None if r.url.startswith(served.url) else complaints.append(f"asked {r.url}"))
        page.goto(served.url + (path or f"/R/{served.desk.code()}"))
        yield page
        assert context.cookies() == []
        context.close()

    yield opened
    assert complaints == []


def violations(page: "Page") -> list[str]:
    """What axe-core finds against WCAG 2.2 AA and its own best practices."""
    script = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(script)
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    assert len(found["passes"]) > 10, "axe has looked at nothing"
    return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]


def choose(page: "Page", label: str) -> None:
    page.get_by_text(label, exact=True).tap()


def send(page: "Page") -> None:
    page.get_by_role("button").tap()


def nothing_leaves_the_page(page: "Page") -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    outside = page.evaluate(
        """[...document.querySelectorAll('.row, button, nav a, summary')].flatMap((box) => {
            const frame = box.getBoundingClientRect(), range = document.createRange();
            range.selectNodeContents(box);
            const text = range.getBoundingClientRect();
            return text.right > frame.right + 1 || text.bottom > frame.bottom + 1 ? [box.textContent.trim()] : [];
        })"""
    )
    assert outside == []


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_visit_from_the_code_to_the_thanks(served: ServedPage, open_phone: OpenPhone, scripts: bool) -> None:
    with open_phone(java_script_enabled=scripts) as page:
        choose(page, "Không hài lòng")
        page.locator("summary").tap()
        choose(page, "Thời hạn giải quyết")
        page.get_by_label("Ý kiến của ông/bà").fill("Chờ lâu\ntừ 8 giờ")
        send(page)
        page.wait_for_url("**/R/thanks?l=vi")
        assert page.locator("h1").inner_text() == "Cảm ơn ông/bà!"
        page.go_back()
        choose(page, "Rất hài lòng")
        send(page)
        page.wait_for_selector("h1:has-text('đã được ghi lại')")
    [vote] = served.desk.votes
    assert (vote.level, vote.reasons, vote.comment) == (0, (Reason.DEADLINE,), "Chờ lâu từ … giờ")


def test_every_level_is_thanked_for_with_the_same_pixels(served: ServedPage, open_phone: OpenPhone) -> None:
    seen = set()
    with open_phone() as page:
        for number, label in enumerate(("Rất hài lòng", "Hài lòng", "Bình thường", "Không hài lòng")):
            page.goto(f"{served.url}/R/{served.desk.code(number)}")
            choose(page, label)
            send(page)
            page.wait_for_url("**/thanks*")
            seen.add(page.screenshot())
    assert len(seen) == 1
    assert [vote.level for vote in served.desk.votes] == [3, 2, 1, 0]


def test_keys_alone_are_enough(served: ServedPage, open_phone: OpenPhone) -> None:
    with open_phone(locale="en-GB") as page:
        for key in ("Tab", "Tab", "ArrowDown", "ArrowDown", "Tab", "Enter", "Tab", "Space"):
            page.keyboard.press(key)  # the link, the answers, down to the third, "say more", its first reason
        for _ in range(7):
            page.keyboard.press("Tab")
        page.keyboard.type("Clear signs")
        page.keyboard.press("Tab")
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        page.keyboard.press("Enter")
        page.wait_for_url("**/thanks*")
    [vote] = served.desk.votes
    assert (vote.level, vote.reasons, vote.comment) == (1, (Reason.OPENNESS,), "Clear signs")
    assert ring == "solid"


def test_nobody_is_sent_off_without_an_answer(served: ServedPage, open_phone: OpenPhone) -> None:
    with open_phone() as page:
        send(page)  # the browser asks for one
        assert page.evaluate("document.querySelector('form').checkValidity()") is False
        page.evaluate("document.querySelector('form').noValidate = true")  # an old one does not
        page.locator("summary").tap()
        page.get_by_label("Ý kiến của ông/bà").fill("rất lâu")
        send(page)
        page.wait_for_selector("#error")
        assert page.title().startswith("Chưa gửi được")
        assert page.evaluate("document.activeElement.id") == "error"
        assert page.get_by_label("Ý kiến của ông/bà").input_value() == "rất lâu"
        assert violations(page) == []
        choose(page, "Bình thường")
        send(page)
        page.wait_for_url("**/thanks*")
    assert [vote.comment for vote in served.desk.votes] == ["rất lâu"]


def test_a_vote_that_could_not_be_stored_keeps_what_was_chosen(served: ServedPage, open_phone: OpenPhone) -> None:
    served.desk.answer = Cast.LATER
    with open_phone(locale="en") as page:
        choose(page, "Satisfied")
        send(page)
        page.wait_for_selector("#error")
        served.desk.answer = None
        send(page)
        page.wait_for_url("**/thanks?l=en")
    assert [vote.level for vote in served.desk.votes] == [2]


@pytest.mark.parametrize(("locale", "scheme"), [("vi-VN", "light"), ("en-US", "dark")])
def test_axe_finds_nothing_and_every_text_stands_out(
    served: ServedPage, open_phone: OpenPhone, locale: str, scheme: str
) -> None:
    with open_phone(locale=locale, color_scheme=scheme) as page:
        page.locator("summary").tap()
        page.locator(".row").first.tap()
        for path in ("", "/r/thanks", "/r/nonsense"):
            if path:
                page.goto(served.url + path)
            assert violations(page) == []
            assert [text for text in contrasts(page) if text["ratio"] < 4.5] == []


@pytest.mark.parametrize("place", [None, LONG], ids=["usual", "longest"])
def test_it_fits_with_large_text_and_long_names(served: ServedPage, open_phone: OpenPhone, place: Place | None) -> None:
    served.desk.place = place or served.desk.place
    with open_phone() as page:
        page.locator("summary").tap()
        for size in ("100%", "200%"):
            page.evaluate(f"document.documentElement.style.fontSize = '{size}'")
            for width in (320, 360, 1280):
                page.set_viewport_size({"width": width, "height": 640})
                nothing_leaves_the_page(page)


def test_a_quick_answer_needs_no_scrolling_and_big_targets(open_phone: OpenPhone) -> None:
    with open_phone() as page:
        for box in [page.locator(".row").nth(number).bounding_box() for number in range(4)]:
            assert box["height"] >= 48
            assert box["width"] >= 300
        button = page.get_by_role("button").bounding_box()
        assert button["y"] + button["height"] <= PHONE[1]
        small = page.evaluate(
            "[...document.querySelectorAll('a, summary, button')].map((one) => one.getBoundingClientRect().height)"
            ".filter((height) => height < 40)"
        )
        assert small == []


def test_a_whole_visit_costs_less_than_sixty_kilobytes(served: ServedPage, open_phone: OpenPhone) -> None:
    asked: list[Any] = []
    with open_phone("/r/thanks") as page:
        page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - Playwright marks what it is given
        page.goto(f"{served.url}/R/{served.desk.code()}")
        page.locator("nav a").tap()
        page.wait_for_url("**l=en")
        choose(page, "Very satisfied")
        send(page)
        page.wait_for_url("**/thanks*")
        assert len(asked) >= 5
        spent = sum(sum(request.sizes().values()) for request in asked)
    assert 5_000 < spent < LIMIT_BYTES
