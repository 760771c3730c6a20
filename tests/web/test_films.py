"""Films on the page: what cannot be played is skipped with its reason, and no decoder is kept."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from agent.screen.hub import Emergency, Item
from tests.eventually import eventually
from tests.screen.pictures import plain
from tests.web.conftest import OpenPage, hurry
from tests.web.films import coloured, shown
from tests.web.looking import until
from tests.web.serving import Serving

if TYPE_CHECKING:
    from playwright.sync_api import Route

RED, GREEN, BLUE = (200, 70, 70), (70, 190, 80), (70, 80, 200)
SMALL = (640, 360)
HURRIED = {"ready": 1500, "firstFrame": 1500, "frozen": 600, "pastEnd": 300, "look": 50}
Told = dict[str, tuple[int, dict[str, int]]]


def on(item: Item) -> str:
    return f"document.querySelector('.layer.on')?.dataset.item === '{item.id}'"


@pytest.fixture
def red(serving: Serving) -> Item:
    return serving.picture(plain(RED), seconds=0.3)


@pytest.fixture
def told(serving: Serving) -> Callable[[], Told]:
    """What was ever told of each item: how often it was shown, and skipped by which reason."""
    all_: dict[str, tuple[int, dict[str, int]]] = {}

    def told() -> Told:
        for cell in serving.hub.take_played():
            times, skips = all_.get(cell.item, (0, {}))
            all_[cell.item] = (
                times + cell.times,
                {
                    **skips,
                    **{str(reason): skips.get(reason, 0) + count for reason, count in cell.skips.items()},
                },
            )
        return all_

    return told


def test_a_film_plays_to_its_end_between_pictures(
    serving: Serving, red: Item, open_page: OpenPage, told: Callable[[], Told]
) -> None:
    film = shown(serving, coloured(GREEN, seconds=0.8))
    serving.hub.set_playlist([red, film])
    page = open_page(size=SMALL)
    for item in (film, red, film):
        until(page, on(item))
    eventually(lambda: told()[film.id][0] >= 2)
    assert told()[film.id] == (told()[film.id][0], {})


def test_what_the_browser_cannot_play_is_skipped(
    serving: Serving, red: Item, open_page: OpenPage, told: Callable[[], Told]
) -> None:
    whole = coloured(GREEN, seconds=3, size=(640, 360))
    films = {
        "corrupt": whole[:200] + random.Random(1).randbytes(len(whole) - 200),
        "truncated": whole[: len(whole) // 3],
        "hevc": coloured(BLUE, codec="libx265"),
        "no film": b"<html>404</html>",
        "empty": b"",
    }
    items = {name: shown(serving, data) for name, data in films.items()}
    serving.hub.set_playlist([*items.values(), red])
    page = open_page(size=SMALL)
    until(page, on(red))
    eventually(lambda: {item.id for item in items.values()} <= told().keys())
    for name, item in items.items():
        assert sum(told()[item.id][1].values()) == 1, name
    assert {name: told()[items[name].id] for name in ("corrupt", "hevc", "no film", "empty")} == {
        name: (0, {"broken": 1}) for name in ("corrupt", "hevc", "no film", "empty")
    }


def test_a_download_that_stands_still_is_skipped(
    serving: Serving, red: Item, open_page: OpenPage, told: Callable[[], Told]
) -> None:
    film = shown(serving, coloured(GREEN))
    page = open_page("/status", size=SMALL)
    held: list[Route] = []
    page.route(
        f"**{film.url}", lambda route: held.append(route) if route.request.method == "GET" else route.continue_()
    )
    hurry(page, HURRIED)
    serving.hub.set_playlist([red, film])
    page.goto(f"{serving.url}/screen")
    eventually(lambda: page.evaluate("true") and told().get(film.id) == (0, {"slow": 1}))
    assert told()[red.id][0] > 0
    for route in held:
        route.abort()


def test_a_film_that_starts_without_a_picture_is_skipped(
    serving: Serving, red: Item, open_page: OpenPage, told: Callable[[], Told]
) -> None:
    film = shown(serving, coloured(GREEN))
    page = open_page("/status", size=SMALL)
    page.add_init_script("HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0")
    hurry(page, HURRIED)
    serving.hub.set_playlist([red, film])
    page.goto(f"{serving.url}/screen")
    eventually(lambda: told().get(film.id) == (0, {"no_frame": 1}))
    until(page, on(red))


FREEZE = "document.querySelector('.layer.on video').playbackRate = 0"
REWIND = """() => {
  const film = document.querySelector('.layer.on video');
  setInterval(() => (film.currentTime = 0.2), 100);
}"""


@pytest.mark.parametrize(("act", "reason"), [(FREEZE, "frozen"), (REWIND, "overran")])
def test_a_film_that_comes_to_no_end_is_left_and_rests(
    serving: Serving, open_page: OpenPage, told: Callable[[], Told], act: str, reason: str
) -> None:
    length_s = 8 if reason == "frozen" else 0.8
    film = shown(serving, coloured(GREEN, seconds=length_s, rate=10))
    red = serving.picture(plain(RED), seconds=0.3)
    serving.hub.set_playlist([red, film])
    page = open_page(size=SMALL, paces=HURRIED)
    until(page, on(film))
    page.evaluate(act)
    eventually(lambda: told().get(film.id) == (1, {reason: 1}))
    shows = told()[red.id][0]
    eventually(lambda: told()[red.id][0] > shows + 1)
    assert told()[film.id] == (1, {reason: 1})


def test_a_film_that_stops_just_before_its_end_has_ended(
    serving: Serving, red: Item, open_page: OpenPage, told: Callable[[], Told]
) -> None:
    """On some boards every film does: none of them may rest for it (raspberrypi/linux#7618)."""
    film = shown(serving, coloured(GREEN, seconds=2))
    serving.hub.set_playlist([red, film])
    page = open_page(size=SMALL, paces=HURRIED)
    until(page, on(film))
    page.evaluate(FREEZE)
    until(page, on(red))
    until(page, on(film))
    assert told()[film.id][1] == {}


def test_at_most_one_film_plays_one_is_made_ready_and_all_are_muted_and_released(
    serving: Serving, open_page: OpenPage
) -> None:
    films = [shown(serving, coloured(colour, seconds=0.6)) for colour in (RED, GREEN, BLUE)]
    page = open_page("/status", size=SMALL)
    page.add_init_script(WATCH_FILMS)
    serving.hub.set_playlist(films)
    page.goto(f"{serving.url}/screen")
    until(page, "window.films.length >= 6")
    most: Any = page.evaluate("window.most")
    assert most["playing"] == 1
    assert most["loaded"] <= 3, "while two fade the next one waits"
    assert most["loud"] == 0
    assert page.evaluate("window.films.slice(0, -3).every((film) => film.networkState === film.NETWORK_EMPTY)")
    assert page.evaluate("window.films.slice(0, -3).every((film) => !film.isConnected)")


WATCH_FILMS = """
  window.films = [];
  window.most = { playing: 0, loaded: 0, loud: 0 };
  const create = document.createElement.bind(document);
  document.createElement = (name) => {
    const element = create(name);
    if (name === "video") window.films.push(element);
    return element;
  };
  (function look() {
    const count = (is) => window.films.filter(is).length;
    const now = {
      playing: count((film) => !film.paused && !film.ended),
      loaded: count((film) => film.hasAttribute("src")),
      loud: count((film) => !film.muted),
    };
    for (const name in now) window.most[name] = Math.max(window.most[name], now[name]);
    requestAnimationFrame(look);
  })();
"""


def test_a_film_waits_under_a_thank_you_and_an_emergency_and_goes_on_after_them(
    serving: Serving, red: Item, open_page: OpenPage
) -> None:
    film = shown(serving, coloured(GREEN, seconds=20, rate=5))
    serving.hub.set_playlist([film])
    page = open_page(size=SMALL, paces=HURRIED)
    paused = "document.querySelector('.layer.on video').paused"
    until(page, on(film))
    serving.hub.thank()
    until(page, paused)
    page.evaluate("document.querySelector('.thanks').classList.contains('on')")
    serving.hub.set_emergency(Emergency("Sơ tán", (), "", serving.clock.monotonic() + 60))
    until(page, "!document.querySelector('.emergency').hidden")
    serving.hub.set_emergency(None)
    until(page, f"!{paused}")


def test_the_loop_of_films_goes_on_from_memory_when_the_agent_is_gone(
    serving: Serving, red: Item, open_page: OpenPage, told: Callable[[], Told]
) -> None:
    blue = serving.picture(plain(BLUE), seconds=0.3)
    film = shown(serving, coloured(GREEN, seconds=0.8))
    serving.hub.set_playlist([red, film, blue])
    page = open_page(size=SMALL, paces=HURRIED)
    for item in (red, film, blue):
        until(page, on(item))
    serving.stop()
    told()
    for item in (red, blue, red, blue):
        until(page, on(item))
    serving.start_again()
    page.evaluate("dispatchEvent(new Event('online'))")
    eventually(lambda: told()[red.id][0] > 2, within_s=20)
    assert told().get(film.id, (0, {}))[1] == {}, "an agent that is away is no fault of the film"


def test_an_item_that_stands_in_the_list_twice_does_not_hide_what_follows_it(
    serving: Serving, red: Item, open_page: OpenPage
) -> None:
    green, blue = (serving.picture(plain(colour), seconds=0.3) for colour in (GREEN, BLUE))
    serving.hub.set_playlist([red, green, red, blue])
    page = open_page(size=SMALL)
    for item in (red, green, red, blue, red, green):
        until(page, on(item))
