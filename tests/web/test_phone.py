"""The rating page, asked by plain clients: from the code to the vote, and everything a page can be sent."""

import logging
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from agent import language
from agent.health import Health
from agent.rating.record import LONGEST_COMMENT, Reason
from agent.rating.scale import VN3, VN4, VN5, Level, Scale
from agent.rating.urn import Cast
from agent.web import patience, phone_form
from agent.web.phone_pages import faces
from agent.web.phone_service import PhoneService
from agent.web.rates import Allowance, Rates
from tests.eventually import eventually
from tests.web.phones import PLACE, Desk, Phone, ServedPage

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def shared() -> Iterator[ServedPage]:
    """One page for all tests that ask one thing after the other."""
    with ServedPage(Desk()) as served:
        Phone(served.service.port).scan("warm")  # its worker thread is there before the tests count threads
        yield served


@pytest.fixture
def served() -> Iterator[ServedPage]:
    """A page of its own."""
    with ServedPage(Desk()) as served:
        yield served


@pytest.fixture
def desk(shared: ServedPage) -> Desk:
    shared.desk.reset()
    return shared.desk


@pytest.fixture
def phone(shared: ServedPage) -> Phone:
    return Phone(shared.service.port)


def test_a_scanned_code_becomes_a_vote_and_a_thank_you(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    assert (page.status, page.at.partition("?")[0]) == (200, "/R/")
    assert "Công an xã Kim Liên" in page.body
    thanks = phone.send(
        [
            ("ticket", page.ticket),
            ("language", "vi"),
            ("level", "0"),
            ("reason", "deadline"),
            ("reason", "officers"),
            ("comment", "Chờ lâu,\r\ngọi 0912 345 678"),
        ]
    )
    assert (thanks.status, thanks.at) == (200, "/R/thanks?l=vi")
    [vote] = desk.votes
    assert (vote.level, vote.reasons) == (0, (Reason.OFFICERS, Reason.DEADLINE))
    assert vote.comment == "Chờ lâu, gọi …"


def test_every_level_gets_the_same_answer_to_the_byte(desk: Desk, phone: Phone) -> None:
    answers = [phone.vote(desk.code(level), level) for level in range(4)]
    assert [vote.level for vote in desk.votes] == [0, 1, 2, 3]
    assert len({(answer.status, answer.at, answer.body, *answer.hops) for answer in answers}) == 1


def test_a_phone_that_loads_the_page_again_is_still_there_after_the_code_is_gone(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    desk.clock.advance(300)
    again = phone.ask("GET", page.at + "&l=en")
    assert (again.status, again.ticket) == (200, page.ticket)
    assert "Very satisfied" in again.body


def test_a_replayed_code_is_one_vote(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    fields = {"ticket": page.ticket, "language": "vi", "level": "3"}
    assert phone.send(fields).status == 200
    second = phone.send({**fields, "level": "0"})
    assert (second.status, second.title) == (409, "Đánh giá với mã này đã được ghi lại")
    assert phone.vote(desk.code(), 1).status == 409
    assert [vote.level for vote in desk.votes] == [3]


def test_two_phones_with_one_code_at_once_are_one_vote(served: ServedPage) -> None:
    desk, phone = served.desk, Phone(served.service.port)
    tickets = [phone.scan(desk.code()).ticket for _ in range(8)]
    together = threading.Barrier(8)

    def send(at: int) -> int:
        together.wait()
        return phone.send({"ticket": tickets[at], "language": "vi", "level": str(at % 4)}).status

    with ThreadPoolExecutor(8) as crowd:
        assert sorted(crowd.map(send, range(8))) == [200, *[409] * 7]
    assert len(desk.votes) == 1


def test_a_code_photographed_and_used_late_is_refused_in_plain_words(desk: Desk, phone: Phone) -> None:
    code = desk.code()
    desk.clock.advance(120)
    late = phone.scan(code)
    assert (late.status, late.title) == (410, "Mã đã hết hạn")
    assert "quét lại mã" in late.body


def test_a_page_left_open_for_more_than_ten_minutes_does_not_vote(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    desk.clock.advance(600)
    assert phone.send({"ticket": page.ticket, "language": "vi", "level": "3"}).status == 410
    assert desk.votes == []


@pytest.mark.parametrize("path", ["/", "/r", "/screen", "/status", "/events", "/status/events", "/static/feed.js"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_else_of_the_counter_is_there(phone: Phone, path: str, method: str) -> None:
    answer = phone.ask(method, path, headers={"Content-Type": FORM} if method == "POST" else None)
    assert (answer.status, answer.title) == (404, "Không mở được trang đánh giá")
    assert "Kim Liên" not in answer.body


@pytest.mark.parametrize(
    "code", ["A" * 29, "x", "%00", "..%2f..%2fetc", "S-ABCDE", "thanks/", "a" * 400, "%ff", "r/r/r"]
)
def test_codes_that_are_none_all_look_alike(phone: Phone, code: str) -> None:
    assert phone.scan(code).status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"level=3",
        b"ticket=&level=3",
        b"ticket=AAAA&level=3",
        b"ticket=%ff&level=3",
        "ticket=ế".encode(),
        b"\x00" * 100,
        b"a=b",
        b"&" * 1000,
        b"level=3&level=0",
        b"ticket=a&ticket=b",
        b"ticket=a&admin=1",
        b"reason=result&" * 40,
    ],
)
def test_garbage_is_a_page_and_no_vote(desk: Desk, phone: Phone, body: bytes) -> None:
    answer = phone.ask("POST", "/r/", body, {"Content-Type": FORM})
    assert answer.status in (400, 404)
    assert answer.title == "Không mở được trang đánh giá"
    assert desk.votes == []


@pytest.mark.parametrize(
    "fields",
    [
        {"level": "4"},
        {"level": "-1"},
        {"level": "03"},
        {"level": "٣"},
        {"level": "1e0"},
        {"level": "3", "reason": "weather"},
        {"level": "3", "csrf": "1"},
        {"level": "3", "language": "vi", "lang": "vi"},
    ],
)
def test_what_the_page_never_offered_is_refused(desk: Desk, phone: Phone, fields: dict[str, str]) -> None:
    page = phone.scan(desk.code())
    assert phone.send({"ticket": page.ticket, **fields}).status == 400
    assert desk.votes == []


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "text/plain", ""])
def test_another_kind_of_body_is_refused(desk: Desk, phone: Phone, kind: str) -> None:
    page = phone.scan(desk.code())
    headers = {"Content-Type": kind} if kind else {}
    assert phone.ask("POST", "/r/", f"ticket={page.ticket}&level=3", headers).status == 415
    assert desk.votes == []


def test_an_oversized_body_is_refused_whether_it_says_its_length_or_not(desk: Desk, phone: Phone) -> None:
    body = b"ticket=a&comment=" + b"x" * phone_form.LIMIT_BODY_BYTES
    assert phone.ask("POST", "/r/", body, {"Content-Type": FORM}).status == 413
    parts = iter([body[:5000], body[5000:]])
    assert phone.ask("POST", "/r/", parts, {"Content-Type": FORM}).status == 413  # type: ignore[arg-type]
    assert phone.ask("GET", "/r/" + "x" * 600).status == 414
    assert phone.ask("GET", "/r/?t=" + "x" * 600).status == 414


def test_the_longest_comment_of_any_script_fits(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    comment = "ກຂ\r\n" + "ឮ" * (LONGEST_COMMENT - 3)
    reasons = [("reason", reason.value) for reason in Reason]
    answer = phone.send([("ticket", page.ticket), ("language", "vi"), ("level", "3"), ("comment", comment), *reasons])
    assert answer.status == 200
    assert desk.votes[0].comment == comment.replace("\r\n", " ")


def test_a_form_without_a_level_comes_back_as_it_was_filled(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    answer = phone.send({"ticket": page.ticket, "language": "vi", "reason": "result", "comment": "\n<b>tốt</b>"})
    assert (answer.status, answer.ticket) == (422, page.ticket)
    assert "Xin chọn một trong các mức hài lòng" in answer.body
    assert 'value="result" checked' in answer.body
    assert ">\n\n&lt;b&gt;tốt&lt;/b&gt;</textarea>" in answer.body
    assert "<details open>" in answer.body


def test_a_comment_that_is_too_long_is_not_cut_behind_anyones_back(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    answer = phone.send({"ticket": page.ticket, "language": "vi", "level": "2", "comment": "x" * 301})
    assert answer.status == 422
    assert 'value="2" required checked' in answer.body
    assert desk.votes == []


def test_a_vote_that_cannot_be_stored_can_be_sent_again(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    fields = {"ticket": page.ticket, "language": "en", "level": "2", "comment": "fine"}
    desk.answer = Cast.LATER
    answer = phone.send(fields)
    assert answer.status == 503
    assert "press Send again" in answer.body
    assert 'value="2" required checked' in answer.body
    desk.answer = None
    assert phone.send(fields).status == 200


def test_a_failure_is_a_page_and_its_log_line_says_nothing_of_the_citizen(
    desk: Desk, phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    page = phone.scan(desk.code())
    desk.is_broken = True
    with caplog.at_level(logging.DEBUG):
        answer = phone.send({"ticket": page.ticket, "language": "vi", "level": "0", "comment": "bí mật"})
    assert (answer.status, answer.title) == (500, "Hiện chưa nhận được đánh giá")
    told = [record for record in caplog.records if record.name.startswith(("agent", "uvicorn"))]
    assert [record.getMessage().partition(" at ")[0] for record in told] == ["the rating page failed: RuntimeError"]
    assert all(secret not in caplog.text for secret in ("bí mật", page.ticket, "127.0.0.1", "Traceback"))


def test_a_visit_leaves_no_line_in_any_log(desk: Desk, phone: Phone, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        phone.vote(desk.code(), 0, comment="chậm")
        phone.scan("nonsense")
        with socket.create_connection(("127.0.0.1", int(phone.origin.rpartition(":")[2]))) as raw:
            raw.sendall(b"\x16\x03\x01 what is this\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert caplog.text == ""


@pytest.mark.parametrize("host", ["rebound.example", "", "evil@127.0.0.1"])
def test_a_rebound_name_gets_nothing(desk: Desk, phone: Phone, host: str) -> None:
    assert phone.ask("GET", f"/r/{desk.code()}", headers={"Host": host}).status in (400, 421)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
def test_another_sites_form_is_refused(desk: Desk, phone: Phone, origin: str) -> None:
    page = phone.scan(desk.code())
    assert phone.send({"ticket": page.ticket, "level": "3"}, Origin=origin).status == 403
    assert desk.votes == []


def test_an_old_browser_that_sends_no_origin_may_vote(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    assert phone.ask("POST", "/r/", f"ticket={page.ticket}&level=3", {"Content-Type": FORM}).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_other_methods_are_refused(phone: Phone, method: str) -> None:
    assert phone.ask(method, "/r/").status == 405


def test_every_answer_is_as_strict_as_it_can_be(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    answers = [page, phone.vote(desk.code(1), 2), phone.scan("x"), phone.ask("GET", "/status"), phone.ask("PUT", "/r/")]
    for answer in answers:
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert re.fullmatch("'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
        assert (policy["form-action"], policy["frame-ancestors"], policy["base-uri"]) == ("'self'", "'none'", "'none'")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Set-Cookie"] is None
        assert answer.headers["Server"] is None
        assert "<script" not in answer.body
        assert not re.search(r"""\s(src|style|on\w+)=|https?://""", answer.body)


def test_a_whole_visit_is_small(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    thanks = phone.send({"ticket": page.ticket, "language": "vi", "level": "3"})
    assert len(page.body.encode()) + len(thanks.body.encode()) < 30_000


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ("", "vi"),
        ("en", "en"),
        ("en-GB,en;q=0.9,vi;q=0.8", "en"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("th;q=1, en;q=0.4, vi;q=0.3", "en"),
        ("en;q=0.1,vi;q=0.2", "vi"),
        ("fr", "vi"),
        ("en;q=nonsense,;;;,*", "vi"),
    ],
)
def test_the_phone_chooses_the_language(desk: Desk, phone: Phone, wish: str, code: str) -> None:
    page = phone.scan(desk.code(), **{"Accept-Language": wish})
    assert page.headers["Content-Language"] == code
    assert f'<html lang="{code}">' in page.body


def test_the_link_changes_the_language_and_the_thanks_keep_it(desk: Desk, phone: Phone) -> None:
    page = phone.scan(desk.code())
    link = re.search(r'<a href="([^"]*)" lang="en"', page.body)
    assert link is not None
    english = phone.ask("GET", "/R/" + link[1].replace("&amp;", "&").removeprefix("./"))
    assert "Are you satisfied" in english.body
    thanks = phone.send({"ticket": english.ticket, "language": "en", "level": "3"}, **{"Accept-Language": "vi"})
    assert thanks.title == "Thank you!"


def test_a_further_language_is_a_further_file(
    desk: Desk, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = language._PHONE
    for code in ("vi", "en"):
        (tmp_path / f"{code}.yaml").write_text((ours / f"{code}.yaml").read_text("utf-8"), "utf-8")
    lao = (ours / "en.yaml").read_text("utf-8").replace('name: "English"', 'name: "ລາວ"').replace('"Send"', '"ສົ່ງ"')
    answers = ["very_dissatisfied", "dissatisfied", "neutral", "satisfied", "very_satisfied"]
    lao += "level:\n" + "".join(f'  {answer}: "ລາວ {answer}"\n' for answer in answers)
    (tmp_path / "lo.yaml").write_text(lao, "utf-8")
    monkeypatch.setattr(language, "_PHONE", tmp_path)
    page = phone.scan(desk.code(), **{"Accept-Language": "lo-LA"})
    assert page.headers["Content-Language"] == "lo"
    assert "ລາວ very_satisfied" in page.body
    assert "ສົ່ງ" in page.body
    assert ">ລາວ</a>" in phone.ask("GET", page.at + "&l=vi").body
    language.phone_language.cache_clear()


OWN = Scale(
    "own",
    (
        Level("own_0", is_satisfied=False, labels=(("vi", "Kém"),)),
        Level("own_1", is_satisfied=True, labels=(("vi", "Tốt"),)),
    ),
)


@pytest.mark.parametrize("scale", [VN3, VN4, VN5, OWN])
def test_every_scale_has_its_faces_the_best_first(scale: Scale) -> None:
    drawn = faces(scale, language.phone_language("vi"))
    assert [face.level for face in drawn] == list(range(len(scale.levels)))[::-1]
    assert [face.label for face in drawn] == [level.label(language.language("vi")) for level in scale.levels[::-1]]
    assert (drawn[0].tone, drawn[-1].tone) == (4, 0)
    assert len({face.mouth for face in drawn}) == len({face.tone for face in drawn}) == len(drawn)
    assert all((face.tone > 2) == (face.level in scale.satisfied) for face in drawn)


def test_a_phone_that_asks_too_often_waits() -> None:
    desk = Desk()
    rates = Rates(each=Allowance(at_once=5, per_s=1), together=Allowance(at_once=50, per_s=50))
    with ServedPage(desk, rates) as served:
        phone = Phone(served.service.port)
        assert [phone.ask("GET", "/r/x").status for _ in range(6)] == [*[404] * 5, 429]
        assert phone.ask("GET", "/r/x").headers["Retry-After"]
        assert "quá nhiều" in phone.ask("GET", "/r/x").title
        desk.clock.advance(1)
        assert phone.ask("GET", "/r/x").status == 404


def test_a_request_that_trickles_is_cut_off_and_the_page_goes_on(
    served: ServedPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.2)
    phone = Phone(served.service.port)
    address = ("127.0.0.1", served.service.port)
    with (
        socket.create_connection(address) as silent,
        socket.create_connection(address) as head,
        socket.create_connection(address) as body,
    ):
        head.sendall(b"GET /r/x HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        body.sendall(b"POST /r/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n")
        body.sendall(b"Content-Length: 100\r\n\r\nticket=")
        for slow in (silent, head, body):
            slow.settimeout(5)
            with suppress(ConnectionResetError):
                assert slow.recv(100) == b""
    assert phone.ask("GET", "/r/x").status == 404


def test_one_phone_cannot_take_every_connection(served: ServedPage) -> None:
    phone = Phone(served.service.port)
    address = ("127.0.0.1", served.service.port)
    crowd = [socket.create_connection(address) for _ in range(patience.PER_PHONE + 4)]

    def cut() -> int:
        gone = 0
        for one in crowd:
            one.setblocking(False)
            try:
                gone += one.recv(1) == b""
            except BlockingIOError:
                pass
            except ConnectionResetError:
                gone += 1
        return gone

    try:
        eventually(lambda: cut() >= 4, 5)
    finally:
        for one in crowd:
            one.close()
    eventually(lambda: _is_served(phone), 5)


def _is_served(phone: Phone) -> bool:
    try:
        return phone.ask("GET", "/r/x").status == 404
    except OSError:
        return False


def test_a_wifi_that_is_not_up_is_named_in_health_and_waited_for() -> None:
    desk, stop = Desk(), threading.Event()
    health = Health(desk.clock)
    service = PhoneService("192.0.2.1:8081", desk, health=health)
    thread = threading.Thread(target=service.run, args=(stop,))
    thread.start()
    [report] = eventually(health.reports)
    assert (report.component, report.condition.code) == ("agent", "WEB_PHONE_AWAY")
    assert "192.0.2.1:8081" in report.words(language.language("vi"))[0]
    stop.set()
    thread.join(service.goodbye_s)
    assert not thread.is_alive()


def test_markup_in_a_name_stays_text(desk: Desk, phone: Phone) -> None:
    desk.place = type(PLACE)("<img src=x> & Co", 1, PLACE.scale, ("<b>113</b>",))
    body = phone.scan(desk.code()).body
    assert "&lt;img src=x&gt; &amp; Co" in body
    assert "&lt;b&gt;113" in body
