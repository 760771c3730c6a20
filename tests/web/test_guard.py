"""Nobody but this machine's own pages: hosts, origins, sizes, headers."""

import http.client
import json
from typing import Any

import pytest

from agent.web.guard import LIMIT_BODY_BYTES, is_own_host
from tests.screen.pictures import plain
from tests.web.serving import Serving

PATHS = ["/", "/screen", "/status", "/events", "/status/events", "/media/x", "/static/feed.js", "/fonts/400.ttf"]
WRONG_LISTS: list[Any] = [[{"item": 3}], [{}], [{"item": "x", "skipped": "bored"}], [{"item": "x", "ago_s": -1}]]
WRONG_TURNS = [json.dumps({"page": "a", "first": 0, "turns": turns}).encode() for turns in WRONG_LISTS]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost", "localhost:8080", "[::1]", "[::1]:8080", "192.168.4.1:80"]
)
def test_a_number_or_localhost_is_our_host(host: str) -> None:
    assert is_own_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil@127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:80/x",
        "127.0.0.1:99999",
        "127.0.0.1 evil",
        "2130706433",
        "[::1",
    ],
)
def test_anything_else_is_not(host: str) -> None:
    assert not is_own_host(host)


@pytest.mark.parametrize("path", PATHS)
def test_a_rebound_name_sees_nothing_anywhere(serving: Serving, path: str) -> None:
    answer, body = serving.ask("GET", path, headers={"Host": "rebound.example"})
    assert answer.status == 421
    assert "Kim Liên".encode() not in body


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/screen/beat"), ("POST", "/screen/turns"), ("GET", "/status")])
def test_another_site_is_refused(serving: Serving, method: str, path: str, origin: str) -> None:
    headers = {"Origin": origin}
    assert serving.ask(method, path, headers=headers, body={} if method == "POST" else None)[0].status == 403


def test_a_change_without_an_origin_is_refused(serving: Serving) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=5)
    connection.request("POST", "/screen/beat", body=b"{}", headers={"Content-Type": "application/json"})
    assert connection.getresponse().status == 403
    connection.close()
    assert serving.hub.page_age_s is None


def test_the_page_itself_is_heard(serving: Serving) -> None:
    item = serving.picture(plain((1, 2, 3)))
    serving.hub.set_playlist([item])
    assert serving.ask("POST", "/screen/beat", body={"revision": 1})[0].status == 204
    assert (
        serving.ask("POST", "/screen/turns", body={"page": "a", "first": 0, "turns": [{"item": item.id}]})[0].status
        == 204
    )
    assert serving.hub.page_age_s == 0
    assert [(cell.item, cell.times) for cell in serving.hub.take_played()] == [(item.id, 1)]


def test_turns_that_are_told_twice_count_once(serving: Serving) -> None:
    item = serving.picture(plain((1, 2, 3)))
    serving.hub.set_playlist([item])
    for count in (1, 3):  # the answer to the first was lost on the way
        turns = {
            "page": "a",
            "first": 0,
            "turns": [{"item": item.id, "skipped": "frozen"}, *[{"item": item.id}] * count],
        }
        assert serving.ask("POST", "/screen/turns", body=turns)[0].status == 204
    assert [(cell.times, cell.skips) for cell in serving.hub.take_played()] == [(3, {"frozen": 1})]


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"turns": 3}', *WRONG_TURNS, b"\xff", b"{" * 5000])
def test_nonsense_from_the_page_is_refused_and_counted_nowhere(serving: Serving, body: bytes) -> None:
    assert serving.ask("POST", "/screen/turns", body=body)[0].status == 400
    assert serving.hub.take_played() == []


def test_a_form_of_another_page_is_no_message(serving: Serving) -> None:
    headers = {"Content-Type": "text/plain", "Origin": serving.url}
    assert serving.ask("POST", "/screen/beat", headers=headers, body=b"{}")[0].status == 400


def test_a_large_body_is_refused_whether_it_says_its_length_or_not(serving: Serving) -> None:
    large = json.dumps({"item": "x" * LIMIT_BODY_BYTES}).encode()
    assert serving.ask("POST", "/screen/turns", body=large)[0].status == 413
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=5)
    headers = {"Origin": serving.url, "Content-Type": "application/json"}
    parts: Any = iter([large[:9000], large[9000:]])
    connection.request("POST", "/screen/turns", body=parts, headers=headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_long_address_is_refused(serving: Serving) -> None:
    assert serving.ask("GET", "/media/" + "x" * 3000)[0].status == 414


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_allows_this_box_alone_as_a_source(serving: Serving, path: str) -> None:
    answer, _ = serving.ask("HEAD", path)
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert not any("unsafe" in part or "http" in part or "*" in part for part in policy)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"]
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", PATHS[1:])
def test_head_answers_as_get_does_without_a_body(serving: Serving, path: str) -> None:
    answer, body = serving.ask("HEAD", path)
    assert body == b""
    if not path.endswith("events"):
        assert answer.status == serving.ask("GET", path)[0].status


def test_the_root_leads_to_the_status(serving: Serving) -> None:
    answer, _ = serving.ask("GET", "/")
    assert (answer.status, answer.headers["Location"]) == (303, "/status")


def test_a_picture_is_kept_for_ever_and_a_font_for_a_day(serving: Serving) -> None:
    item = serving.picture(plain((1, 2, 3)))
    answer, body = serving.ask("GET", item.url)
    assert (answer.headers["Content-Type"], len(body)) == ("image/png", item.bytes)
    assert "immutable" in answer.headers["Cache-Control"]
    answer, body = serving.ask("GET", "/fonts/700.ttf")
    assert (answer.headers["Content-Type"], len(body) > 100_000) == ("font/ttf", True)


@pytest.mark.parametrize(
    "path",
    [
        "/media/%2e%2e%2fsecret",
        "/media/..%2f..%2fetc%2fpasswd",
        "/media/" + "0" * 32,
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/fonts/500.ttf",
        "/fonts/400",
        "/nothing",
    ],
)
def test_what_is_not_served_is_not_found(serving: Serving, path: str) -> None:
    assert serving.ask("GET", path)[0].status == 404
