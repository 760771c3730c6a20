"""The portal with its page served, its store and its courier real: from a phone's tap to a vote at the broker."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.birth import scale_used
from agent.portal import Portal
from agent.province.ballots import BallotStore
from agent.province.courier import client_id
from agent.province.reception import STATIC_VOTES
from agent.rating.phone.sealed import unseal_vote
from agent.rating.phone.secret import QrKeys
from agent.rating.phone.sticker import mark_of
from agent.rating.phone.token import SealBroken, Token, mint
from agent.rating.record import Reason
from agent.rating.scale import VN4
from agent.rating.urn import Vote
from agent.uplink.payload import Hardware, Info, Versions
from agent.uplink.session import Door
from agent.web.portal_service import Site
from tests.broker import Broker
from tests.eventually import eventually
from tests.province.test_courier import AGENT, FakeCounter
from tests.web.phones import Answer, Phone

SECRET = b"0123456789abcdef0123456789abcdef"
KEYS = QrKeys.from_secret(SECRET, agent=AGENT)
INFO = Info(
    versions=Versions(agent="1", protocol="v1", python="3.11"),
    hardware=Hardware(machine="x86_64", model="", kernel="6"),
    commune="17329",
    name="Bộ phận Một cửa Công an xã Kim Liên",
    counter=2,
    hotlines=["0238 3841 110"],
    language="vi",
    boot="b",
    devices=[],
    cameras=[],
    capabilities=[],
    config="c",
    scale=scale_used(VN4),
    keymaps={},
)


class ServedPortal:
    """The whole of `province portal` on threads, at a free port; phones are on the same machine."""

    def __init__(self, folder: Path, broker_port: int, *, is_behind_proxy: bool = False, scheme: str = "http") -> None:
        self.folder = folder
        (folder / "keys").mkdir(exist_ok=True)
        write_key(folder / "keys", AGENT)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._broker_port = broker_port
        self._site = Site(f"{scheme}://127.0.0.1:{self.port}/r/", f"127.0.0.1:{self.port}", is_behind_proxy)

    @property
    def store(self) -> Path:
        return self.folder / "portal.db"

    @contextmanager
    def open(self) -> Iterator[Phone]:
        portal = Portal(
            Door("127.0.0.1", self._broker_port, client_id("40"), None, None, None),
            province="40",
            site=self._site,
            keys=self.folder / "keys",
            store=self.store,
        )
        stop, ready = threading.Event(), threading.Event()
        thread = threading.Thread(
            target=portal.run, args=(stop,), kwargs={"ready": lambda _: ready.set()}, name="portal"
        )
        thread.start()
        try:
            assert ready.wait(20)
            yield Phone(self.port)
        finally:
            stop.set()
            thread.join(15)
            assert not thread.is_alive()


def write_key(folder: Path, agent: str, secret: bytes = SECRET) -> None:
    path = folder / f"{agent}.key"
    path.write_bytes(secret)
    path.chmod(0o600)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def portal(tmp_path: Path, broker: Broker) -> ServedPortal:
    learned(tmp_path / "portal.db")
    return ServedPortal(tmp_path, broker.port)


def learned(path: Path) -> None:
    """As after an earlier life in which the counter was met."""
    store = BallotStore(path, now=lambda: 0.0)
    store.learn(AGENT, INFO.encode())
    store.close()


def code(now: Callable[[], float], number: int = 0, keys: QrKeys = KEYS) -> str:
    """What the counter's screen shows."""
    return mint(keys, Token(keys.device, int(now()) // 60, number.to_bytes(2)))


@pytest.fixture
def now() -> Callable[[], float]:
    return time.time


def sealed_votes(path: Path) -> list[Any]:
    store = BallotStore(path, now=lambda: 0.0)
    try:
        return store.waiting(AGENT, limit=1000)
    finally:
        store.close()


def test_a_vote_on_the_page_is_sealed_for_its_counter_and_handed_down(
    portal: ServedPortal, broker: Broker, now: Callable[[], float]
) -> None:
    with portal.open() as phone:
        page = phone.scan(code(now))
        assert page.status == 200
        assert "Bộ phận Một cửa Công an xã Kim Liên" in page.body
        thanks = phone.send(
            {
                "ticket": page.ticket,
                "language": "vi",
                "level": "0",
                "reason": "deadline",
                "comment": "chờ lâu, gọi 0912345678",
            }
        )
        assert thanks.status == 200
        (ballot,) = sealed_votes(portal.store)
        token = Token.from_id(ballot.id)
        vote = unseal_vote(KEYS, ballot.id, ballot.sealed)
        assert vote == Vote(0, token, (Reason.DEADLINE,), vote.comment)
        assert "0912" not in vote.comment
        assert b"deadline" not in ballot.sealed
        with FakeCounter(broker.port).open() as counter:
            eventually(lambda: counter.received == [ballot.id])
            eventually(lambda: not sealed_votes(portal.store))


def test_no_level_can_be_read_off_the_length_of_a_sealed_vote(portal: ServedPortal, now: Callable[[], float]) -> None:
    with portal.open() as phone:
        for number in range(4):
            assert phone.vote(code(now, number), number).status == 200
        assert phone.vote(code(now, 4), 0, comment="chậm " * 20).status == 200
    lengths = {len(ballot.sealed) for ballot in sealed_votes(portal.store)}
    assert len(lengths) == 1


def test_a_token_votes_once_at_the_portal(portal: ServedPortal, now: Callable[[], float]) -> None:
    with portal.open() as phone:
        shown = code(now)
        assert phone.vote(shown, 3).status == 200
        assert phone.vote(shown, 0).status == 409
    assert len(sealed_votes(portal.store)) == 1


def test_two_phones_with_one_token_at_once_make_one_vote(portal: ServedPortal, now: Callable[[], float]) -> None:
    with portal.open() as phone:
        shown = code(now)
        tickets = [phone.scan(shown).ticket for _ in range(6)]
        answers: list[Answer] = []
        send = [
            threading.Thread(
                target=lambda ticket=ticket: answers.append(
                    phone.send({"ticket": ticket, "language": "vi", "level": "3"})
                )
            )
            for ticket in tickets
        ]
        for thread in send:
            thread.start()
        for thread in send:
            thread.join()
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert len(sealed_votes(portal.store)) == 1


def test_a_token_that_was_photographed_does_not_open_the_page_later(
    portal: ServedPortal, now: Callable[[], float]
) -> None:
    with portal.open() as phone:
        assert phone.scan(code(lambda: now() - 300)).status == 410


def test_codes_of_unknown_counters_and_forged_ones_look_the_same(
    portal: ServedPortal, now: Callable[[], float]
) -> None:
    stranger = QrKeys.from_secret(SECRET, agent="na-9999")
    forged = QrKeys.from_secret(b"x" * 32, agent=AGENT)
    with portal.open() as phone:
        answers = [phone.scan(code(now, keys=keys)) for keys in (stranger, forged)]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].body == answers[1].body


def test_a_ticket_of_one_counter_is_none_of_anothers(portal: ServedPortal, now: Callable[[], float]) -> None:
    write_key(portal.folder / "keys", "na-0124", b"y" * 32)
    with portal.open() as phone:
        page = phone.scan(code(now))
        assert phone.vote(code(now, 1), 2).status == 200
        assert phone.send({"ticket": page.ticket[:-4] + "AAAA", "language": "vi", "level": "3"}).status == 404


def test_a_printed_code_is_a_channel_of_its_own_with_a_quota(tmp_path: Path, broker: Broker) -> None:
    learned(tmp_path / "portal.db")
    portal = ServedPortal(tmp_path, broker.port, is_behind_proxy=True)

    def vote(number: int) -> int:
        who = {"X-Forwarded-For": f"203.0.113.{number}"}
        page = phone.scan(mark_of(AGENT), **who)
        return phone.send({"ticket": page.ticket, "language": "vi", "level": "3"}, **who).status

    with portal.open() as phone:
        assert [vote(number) for number in range(STATIC_VOTES.at_once + 1)] == [200] * STATIC_VOTES.at_once + [429]
        assert phone.scan(mark_of("na-9999")).status == 404
    votes = [unseal_vote(KEYS, ballot.id, ballot.sealed) for ballot in sealed_votes(portal.store)]
    assert all(vote.is_static for vote in votes)
    assert len({vote.token for vote in votes}) == STATIC_VOTES.at_once


def test_a_counter_that_was_never_met_asks_for_patience(
    tmp_path: Path, broker: Broker, now: Callable[[], float]
) -> None:
    portal = ServedPortal(tmp_path, broker.port)
    with portal.open() as phone:
        assert phone.scan(code(now)).status == 503
        with FakeCounter(broker.port, info=INFO).open():
            eventually(lambda: phone.scan(code(now)).status == 200)
    with portal.open() as phone:  # and is remembered
        assert phone.scan(code(now)).status == 200


def test_votes_wait_through_a_restart_of_the_portal(
    portal: ServedPortal, broker: Broker, now: Callable[[], float]
) -> None:
    shown = code(now)
    with portal.open() as phone:
        assert phone.vote(shown, 1).status == 200
    with portal.open() as phone:
        assert phone.vote(shown, 1).status == 409
        with FakeCounter(broker.port).open() as counter:
            eventually(lambda: not sealed_votes(portal.store))
            assert counter.received


def test_only_the_counter_can_read_a_vote(portal: ServedPortal, now: Callable[[], float]) -> None:
    with portal.open() as phone:
        assert phone.vote(code(now), 1).status == 200
    (ballot,) = sealed_votes(portal.store)
    with pytest.raises(SealBroken):
        unseal_vote(QrKeys.from_secret(b"y" * 32, agent=AGENT), ballot.id, ballot.sealed)
    with pytest.raises(SealBroken):
        unseal_vote(KEYS, Token.from_id(ballot.id).id[:-1] + "0", ballot.sealed[:-1] + b"x")


def test_the_page_answers_to_its_own_name_only_and_never_sets_a_cookie(
    portal: ServedPortal, now: Callable[[], float]
) -> None:
    with portal.open() as phone:
        assert phone.scan(code(now), Host="evil.example").status == 421
        page = phone.scan(code(now))
        assert "set-cookie" not in {name.lower() for name in page.headers}
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert phone.send({"ticket": page.ticket, "level": "3"}, Origin="https://evil.example").status == 403
        for path in ("/", "/status", "/screen", "/r", "/r/..%2f..%2fetc%2fpasswd", "/r/" + "A" * 600):
            assert phone.ask("GET", path).status in (404, 414)


def test_behind_a_web_server_its_last_word_on_who_asks_is_believed(
    tmp_path: Path, broker: Broker, now: Callable[[], float]
) -> None:
    learned(tmp_path / "portal.db")
    portal = ServedPortal(tmp_path, broker.port, is_behind_proxy=True)
    with portal.open() as phone:
        greedy = [
            phone.scan(code(now), **{"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.7"}).status for number in range(40)
        ]
        assert greedy[0] == 200
        assert greedy[-1] == 429
        assert phone.scan(code(now), **{"X-Forwarded-For": "203.0.113.8"}).status == 200
