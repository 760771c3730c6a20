"""Fetching one file from a real web server over TLS that breaks off, lies, drips, never ends and sends elsewhere."""

import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.language import language, languages
from agent.screen.content import line
from agent.screen.content.fetch import BLOCK_BYTES, Fetcher
from agent.screen.content.line import Broken, Limits, tls_context
from agent.screen.content.manifest import ContentRefused, File
from tests.certificates import Certificates
from tests.screen.content import web as answers
from tests.screen.content.web import Answer, Web, cut_after, moved, serving, status

DATA = bytes(itertools.islice(itertools.cycle(range(251)), 3 * BLOCK_BYTES + 17))
QUICK = Limits(silent_s=0.3, head_s=0.3, drip_s=0.3)


def of(data: bytes) -> File:
    return File("phim.mp4", hashlib.sha256(data).hexdigest(), len(data))


class Fetching:
    """A fetcher with its folder and its count of bytes."""

    def __init__(self, folder: Path, ca: Path) -> None:
        self.folder, self.spent = folder, 0
        self.wanted: Callable[[], None] = lambda: None
        tls = tls_context(ca)
        self._fetcher = Fetcher(folder, tls, wanted=self._ask, spend=self._spend, limits=QUICK)

    def _ask(self) -> None:
        self.wanted()

    def _spend(self, count: int) -> None:
        self.spent += count

    def __call__(self, web: Web, data: bytes = DATA) -> bytes:
        return self._fetcher.fetch(of(data), web.base).read_bytes()

    def fails(self, web: Web, data: bytes = DATA) -> str:
        """Why it fails, which can be said in every language."""
        with pytest.raises((Broken, ContentRefused)) as failed:
            self(web, data)
        error = failed.value
        assert isinstance(error, Broken | ContentRefused)
        kind = "waits" if isinstance(error, Broken) else "refused"
        for code in languages():
            assert language(code).text(f"content.{kind}.{error.reason}", **error.values)
        return error.reason

    @property
    def names(self) -> list[str]:
        return sorted(path.name.partition(".")[2] for path in self.folder.iterdir())


@pytest.fixture
def fetching(tmp_path: Path, ca: Path) -> Fetching:
    return Fetching(tmp_path / "parts", ca)


def test_a_file_comes_whole_and_leaves_nothing_beside_it(fetching: Fetching, web: Web) -> None:
    digest = web.put(DATA)
    assert fetching(web) == DATA
    assert [path.name for path in fetching.folder.iterdir()] == [digest]
    assert fetching.spent == len(DATA)
    assert fetching(web) == DATA
    assert len(web.asked) == 1, "what is here is not asked for again"


def test_a_broken_download_is_resumed_where_it_broke(fetching: Fetching, web: Web) -> None:
    web.put(DATA)
    web.answers = [cut_after(100_000)]
    assert fetching.fails(web) == "short"
    assert fetching(web) == DATA
    assert [headers.get("Range") for _, headers in web.asked] == [None, "bytes=100000-"]


def test_only_what_was_missing_is_fetched_after_a_break(fetching: Fetching, web: Web) -> None:
    web.put(DATA)
    web.answers = [cut_after(BLOCK_BYTES * 2)]
    assert fetching.fails(web) == "short"
    before = fetching.spent
    assert fetching(web) == DATA
    assert fetching.spent - before == len(DATA) - BLOCK_BYTES * 2


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(fetching: Fetching, web: Web) -> None:
    web.put(DATA)
    web.answers = [cut_after(100_000, ETag='"another"')]
    assert fetching.fails(web) == "short"
    assert fetching(web) == DATA
    assert web.asked[1][1]["If-Range"] == '"another"'


@pytest.mark.parametrize("tag", ['W/"weak"', "", "no quotes", '"' + "x" * 300 + '"'])
def test_without_a_strong_tag_nothing_is_put_together_of_two_answers(fetching: Fetching, web: Web, tag: str) -> None:
    web.put(DATA)
    web.answers = [cut_after(100_000, ETag=tag)]
    assert fetching.fails(web) == "short"
    assert fetching(web) == DATA
    assert "Range" not in web.asked[1][1]


@pytest.mark.parametrize("part", [DATA[:1000], DATA + b"x", bytes(len(DATA))], ids=["cut", "too long", "other bytes"])
def test_what_an_earlier_life_left_is_used_only_if_it_is_right(fetching: Fetching, web: Web, part: bytes) -> None:
    digest = web.put(DATA)
    fetching.folder.mkdir()
    (fetching.folder / f"{digest}.part").write_bytes(part)
    (fetching.folder / f"{digest}.etag").write_bytes(b"\xff")
    if len(part) == len(DATA):
        assert fetching.fails(web) == "hash"
    assert fetching(web) == DATA


ATTACKS: dict[str, tuple[Answer, str]] = {
    "other bytes of the right number": (answers.other_bytes, "hash"),
    "more bytes than were signed": (answers.longer, "size"),
    "fewer bytes than were signed": (answers.shorter, "size"),
    "a body without end": (answers.endless, "size"),
    "chunks without end": (answers.endless_chunks, "size"),
    "headers without end": (answers.endless_head, "answer"),
    "headers that drip": (answers.dripping_head, "silent"),
    "a body that drips": (answers.dripping, "slow"),
    "nothing at all": (answers.mute, "silent"),
    "nothing after the headers": (answers.mute_after_head, "silent"),
    "garbage": (answers.garbage, "answer"),
    "a packed body": (answers.packed, "encoding"),
    "another host": (moved("https://elsewhere.example/x"), "redirect"),
    "another port": (moved("https://localhost:1/x"), "redirect"),
    "plain HTTP": (moved("http://localhost/x"), "redirect"),
    "a file of this box": (moved("file:///etc/passwd"), "redirect"),
    "no address": (moved("https://[/"), "redirect"),
    "not there": (status(404), "status"),
    "an error": (status(500), "status"),
    "a part nobody asked for": (answers.wrong_part, "status"),
    "a range that cannot be": (status(416), "size"),
}


@pytest.mark.parametrize(("answer", "reason"), ATTACKS.values(), ids=ATTACKS)
def test_whatever_a_server_does_nothing_wrong_is_taken_and_the_next_try_works(
    fetching: Fetching, web: Web, monkeypatch: pytest.MonkeyPatch, answer: Answer, reason: str
) -> None:
    monkeypatch.setattr(line, "TICK_S", 0.05)
    digest = web.put(DATA)
    web.answers = [answer]
    assert fetching.fails(web) == reason
    assert not (fetching.folder / digest).exists()
    written = [path.stat().st_size for path in fetching.folder.glob("*.part")]
    assert sum(written) <= len(DATA), "no more is ever written than was signed"
    assert fetching(web) == DATA


def test_a_part_that_was_not_asked_for_is_not_glued_on(fetching: Fetching, web: Web) -> None:
    web.put(DATA)
    web.answers = [cut_after(100_000), answers.wrong_part]
    assert fetching.fails(web) == "short"
    assert fetching.fails(web) == "size"
    assert fetching(web) == DATA


def test_a_way_around_on_the_same_host_is_followed_three_times_and_no_more(fetching: Fetching, web: Web) -> None:
    digest = web.put(DATA)
    web.files["/mirror/file"] = DATA
    web.answers = [moved("/a"), moved("/b"), moved(f"https://{web.host}/mirror/file")]
    assert fetching(web) == DATA
    (fetching.folder / digest).unlink()
    web.answers = [moved("/round")] * 9
    before = len(web.asked)
    assert fetching.fails(web) == "redirects"
    assert len(web.asked) - before == 4


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("expired-server", "certificate_over"),
        ("elsewhere", "certificate_name"),
        ("stranger", "certificate_unknown"),
    ],
)
def test_a_certificate_that_is_not_right_is_not_believed(
    fetching: Fetching, certificates: Certificates, name: str, reason: str
) -> None:
    with serving(certificates.of(name), certificates.key_of(name)) as web:
        web.put(DATA)
        assert fetching.fails(web) == reason
        assert web.asked == []


def test_nobody_at_the_other_end_is_said(fetching: Fetching, certificates: Certificates) -> None:
    with serving(certificates.of("server"), certificates.key_of("server")) as web:
        pass
    assert fetching.fails(web) == "closed"


class Enough(Exception):
    """The agent stops, or has more important things to do."""


def test_it_lets_go_between_two_blocks_and_keeps_what_came(fetching: Fetching, web: Web) -> None:
    web.put(DATA)

    def enough() -> None:
        if fetching.spent >= 2 * BLOCK_BYTES:
            raise Enough

    fetching.wanted = enough
    with pytest.raises(Enough):
        fetching(web)
    assert fetching.names == ["etag", "part"]
    fetching.wanted = lambda: None
    assert fetching(web) == DATA
    assert "Range" in web.asked[-1][1]


def test_it_lets_go_of_a_server_that_says_nothing(
    fetching: Fetching, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "TICK_S", 0.02)
    web.put(DATA)
    web.answers = [answers.mute]

    def enough() -> None:
        if web.asked:
            raise Enough

    fetching.wanted = enough
    with pytest.raises(Enough):
        fetching(web)


def test_an_authority_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(ContentRefused) as refused:
            tls_context(path)
        assert language("vi").text(f"content.refused.{refused.value.reason}", **refused.value.values)
