"""A phone on the province's rating page: its vote reaches its counter's ballot box, and the province, exactly once."""

import time
from pathlib import Path

import pytest

from agent.rating.phone.token import Token, mint
from agent.uplink.payload import Result
from tests.broker import Broker
from tests.eventually import eventually
from tests.province.test_portal import KEYS, SECRET, ServedPortal, code, learned, sealed_votes
from tests.story.counter import Counter, Ear, Province, same_events
from tests.story.test_phone import code_on_the_screen, network, reached
from tests.web.phones import Phone

__all__ = ["network"]  # a fixture


@pytest.fixture
def shown(counter: Counter) -> Counter:
    """A counter whose screen leads to the portal."""
    secret = counter.folder / "qr.key"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    counter.settings["qr"] = {
        "mode": "portal",
        "url": "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/",
        "secret_file": str(secret),
    }
    return counter


@pytest.fixture
def portal(tmp_path: Path, mosquitto: Broker) -> ServedPortal:
    (tmp_path / "portal").mkdir()
    learned(tmp_path / "portal" / "portal.db")
    return ServedPortal(tmp_path / "portal", mosquitto.port, is_behind_proxy=True)


def test_votes_reach_the_counter_and_the_province_once_and_no_broker_sees_a_level(
    shown: Counter, province: Province, portal: ServedPortal, mosquitto: Broker
) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear, portal.open() as phone:
        shown.start()
        for level in range(4):
            assert phone.vote(code(time.time, level), level, comment="chờ lâu").status == 200
        eventually(lambda: len(province.events()) == 4 and not sealed_votes(portal.store))
        assert sorted(event["data"]["level"] for event in province.events()) == [0, 1, 2, 3]
        assert {event["data"]["channel"] for event in province.events()} == {"qr"}
        assert {event["data"]["comment"] for event in province.events()} == {"chờ lâu"}
        assert same_events(shown, province)
        handed = [payload for topic, payload, _ in ear.messages if "/down/rating/" in topic]
        assert len(handed) == 4
        assert not any(b"level" in payload or "chờ".encode() in payload for payload in handed)
        assert [answer["status"] for answer in map(_answer, ear.messages) if answer] == ["done"] * 4


def test_votes_wait_for_a_counter_that_is_off_and_are_counted_once_when_it_comes(
    shown: Counter, province: Province, portal: ServedPortal
) -> None:
    with portal.open() as phone:
        for number in range(30):  # more than a window
            who = {"X-Forwarded-For": f"203.0.113.{number}"}
            ticket = phone.scan(code(time.time, number), **who).ticket
            assert phone.send({"ticket": ticket, "language": "vi", "level": str(number % 4)}, **who).status == 200
        assert len(sealed_votes(portal.store)) == 30
        shown.start()
        eventually(lambda: len(shown.stored()) >= 10)
        shown.kill()
        shown.start()
        eventually(lambda: not sealed_votes(portal.store), within_s=40)
        eventually(lambda: len(province.events()) == 30)
        assert len({event["data"]["nonce"] for event in province.events()}) == 30
        assert same_events(shown, province)


def test_a_vote_that_was_not_sealed_for_this_counter_is_refused_and_not_counted(
    shown: Counter, province: Province, mosquitto: Broker
) -> None:
    with Ear(mosquitto.port).open("motcua/#") as ear:
        shown.start()
        eventually(lambda: ear.last("up/state"), within_s=15)
        ballot_id = Token(KEYS.device, 1, b"ab").id
        ear.hand_down(f"motcua/v1/40/na-0123/down/rating/{ballot_id}", b"x" * 600)
        answer = eventually(lambda: ear.last(f"up/result/rating/{ballot_id}"))
        assert answer == {"status": "rejected", "reason": "not sealed for this counter"}
        assert province.events() == []


def test_one_token_is_one_vote_whether_by_the_portal_or_again_by_the_portal_after_it_forgot(
    shown: Counter, province: Province, portal: ServedPortal
) -> None:
    token = Token(KEYS.device, int(time.time()) // 60, b"zz")
    with portal.open() as phone:
        shown.start()
        assert phone.vote(mint(KEYS, token), 3).status == 200
        eventually(lambda: len(province.events()) == 1)
    portal.store.unlink()  # a portal restored from nothing: its memory of spent tokens is gone
    learned(portal.store)
    with portal.open() as phone:
        assert phone.vote(mint(KEYS, token), 0).status == 200
        eventually(lambda: not sealed_votes(portal.store))
    assert [event["data"]["level"] for event in province.events()] == [3]


def test_a_token_that_voted_on_the_counters_own_page_does_not_vote_again_through_the_portal(
    shown: Counter, province: Province, portal: ServedPortal, network: str
) -> None:
    at_the_portal = dict(shown.settings["qr"])
    shown.settings["qr"] |= {"mode": "local", "url": f"HTTP://{network}/R/"}
    shown.settings["web"]["counter_network"] = network
    shown.start()
    box = Phone(int(network.rpartition(":")[2]))
    shown_code = eventually(lambda: code_on_the_screen(shown), within_s=15) or ""
    eventually(lambda: reached(box, shown_code), within_s=15)
    assert box.vote(shown_code, 3).status == 200
    eventually(lambda: len(province.events()) == 1)
    shown.settings["qr"] = at_the_portal
    del shown.settings["web"]["counter_network"]
    shown.write_config()
    with portal.open() as phone:
        assert phone.vote(shown_code, 0).status == 200  # the portal cannot know
        eventually(lambda: not sealed_votes(portal.store))
    assert [event["data"]["level"] for event in province.events()] == [3]


def _answer(message: tuple[str, bytes, bool]) -> dict[str, str] | None:
    topic, payload, _ = message
    return Result.model_validate_json(payload).model_dump(exclude_none=True) if "/up/result/rating/" in topic else None
