"""Orders: refused, put off, carried out once, answered always. On a real journal."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.errors import PersonMustAct, TryAgain
from agent.outbox.store import Outbox
from agent.uplink.bulk import PART_BYTES, Bulk
from agent.uplink.commands import JOURNAL_RETRY_S, WAITING, CommandService, Done, Incoming, Orders
from agent.uplink.payload import Message
from agent.uplink.topics import Topics
from tests.eventually import eventually
from tests.rating.running import running

NOW = datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
TOPICS = Topics("40", "na-0123")


class Bench:
    """A command service with the far ends in reach: orders in, words out, and what was done."""

    def __init__(self, outbox: Outbox, clock: ManualClock) -> None:
        self.outbox = outbox
        self.clock = clock
        self.orders = Orders(WAITING)
        self.said: list[Message] = []
        self.done: list[Mapping[str, Any]] = []
        self.largest_bytes = 2 * PART_BYTES

    def service(self) -> CommandService:
        def work(arguments: Mapping[str, Any]) -> Done:
            self.done.append(arguments)
            return Done({"echo": arguments.get("say")})

        def fail(arguments: Mapping[str, Any]) -> Done:
            raise {"person": PersonMustAct, "again": TryAgain, "bug": RuntimeError}[arguments["how"]]("it went wrong")

        def picture(_: Mapping[str, Any]) -> Done:
            return Done(
                {"size": 3 * PART_BYTES - 7}, Bulk(b"\xff" * (3 * PART_BYTES - 7), "image/jpeg", {"camera": "quay"})
            )

        return CommandService(
            orders=self.orders,
            topics=TOPICS,
            journal=self.outbox,
            clock=self.clock,
            say=self.said.append,
            largest_bytes=lambda: self.largest_bytes,
            handlers={"work": work, "fail": fail, "picture": picture},
        )

    def give(self, name: str = "work", command_id: str = "7f3a", /, *, raw: bytes | None = None, **order: Any) -> None:
        flags = {key: order.pop(key) for key in ("is_retained", "is_broadcast") if key in order}
        reply = {key: order.pop(key) for key in ("reply_to", "correlation") if key in order}
        body = {"expires": (self.clock.now() + timedelta(hours=1)).isoformat(), **order}
        payload = json.dumps(body).encode() if raw is None else raw
        self.orders.put(
            Incoming(name, command_id, payload, **{"is_retained": False, "is_broadcast": False, **flags}, **reply)
        )

    def results(self, name: str = "work", command_id: str = "7f3a") -> list[dict[str, Any]]:
        return [json.loads(m.payload) for m in self.said if m.topic == TOPICS.result(name, command_id)]

    def final(self, name: str = "work", command_id: str = "7f3a", count: int = 1) -> dict[str, Any]:
        """The *count*-th result that is not `running`."""

        def found() -> dict[str, Any] | None:
            finals = [result for result in self.results(name, command_id) if result["status"] != "running"]
            return finals[count - 1] if len(finals) >= count else None

        return eventually(found) or {}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock = ManualClock(NOW)
    outbox = Outbox(tmp_path / "outbox.db", province="40", agent="na-0123", clock=clock, keep_days=0)
    with closing(outbox):
        outbox.open()
        yield Bench(outbox, clock)


def test_an_order_is_carried_out_and_answered(bench: Bench) -> None:
    with running(bench.service()):
        bench.give(say="xin chào")
        assert bench.final()["echo"] == "xin chào"
    assert [result["status"] for result in bench.results()] == ["running", "done"]
    assert bench.done == [{"say": "xin chào"}]


def test_a_repeated_id_gets_the_stored_result_and_nothing_is_done_twice(bench: Bench) -> None:
    with running(bench.service()):
        bench.give(say=1)
        first = bench.final()
        bench.give(say=2)
        assert bench.final(count=2) == first
    with running(bench.service()):  # nor after a restart
        bench.give(say=3)
        assert bench.final(count=3) == first
    assert bench.done == [{"say": 1}]


@pytest.mark.parametrize(
    ("order", "status", "reason"),
    [
        ({"is_retained": True}, "rejected", "retain"),
        ({"raw": b"{"}, "rejected", "JSON"),
        ({"raw": b""}, "rejected", "JSON"),
        ({"raw": b"[]"}, "rejected", "payload"),
        ({"raw": b"\xff\xfe"}, "rejected", "payload"),
        ({"raw": b"{}"}, "rejected", "expires: Field required"),
        ({"raw": b'{"expires":"2026-09-02T00:00:00"}'}, "rejected", "zone"),
        ({"raw": b'{"expires":"tomorrow"}'}, "rejected", "expires"),
        ({"expires": "2099-01-01T00:00:00+07:00", "spread_s": -1}, "rejected", "spread_s"),
        ({"raw": b"[" * 100_000}, "rejected", "payload"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_order_that_cannot_be_taken_is_refused_with_its_reason(
    bench: Bench, order: dict[str, Any], status: str, reason: str
) -> None:
    with running(bench.service()):
        bench.give(**order)
        result = bench.final()
    assert result["status"] == status
    assert reason in result["reason"]
    assert bench.done == []
    assert bench.outbox.open_commands() == []


def test_an_unknown_name_is_refused_and_the_known_ones_are_told(bench: Bench) -> None:
    with running(bench.service()):
        bench.give("dance")
        result = bench.final("dance")
    assert (result["status"], result["reason"]) == ("rejected", 'no command "dance"; known: fail, picture, work')


def test_an_expired_order_is_not_carried_out(bench: Bench) -> None:
    with running(bench.service()):
        bench.give(expires=(NOW - timedelta(seconds=1)).isoformat())
        assert bench.final() == {"status": "expired"}
    assert bench.done == []


@pytest.mark.parametrize("quality", [ClockQuality.NONE, ClockQuality.FLOOR])
def test_a_box_that_does_not_know_the_time_expires_nothing(bench: Bench, quality: ClockQuality) -> None:
    bench.clock.set_wall(NOW + timedelta(days=400), quality)
    with running(bench.service()):
        bench.give(expires=NOW.isoformat())
        assert bench.final()["status"] == "done"


@pytest.mark.parametrize("how", ["person", "again", "bug"])
def test_an_order_that_goes_wrong_is_answered_and_the_next_one_is_carried_out(bench: Bench, how: str) -> None:
    with running(bench.service()):
        bench.give("fail", "1", how=how)
        result = bench.final("fail", "1")
        assert result["status"] == "failed"
        assert "it went wrong" in result["reason"]
        bench.give("work", "2")
        assert bench.final("work", "2")["status"] == "done"
        bench.give("fail", "3")
        assert bench.final("fail", "3") == {"status": "failed", "reason": "wrong arguments: 'how'"}


def test_what_a_crash_left_open_is_closed_as_failed_at_the_next_start_and_never_repeated(bench: Bench) -> None:
    bench.outbox.begin_command("7f3a", "work")
    with running(bench.service()):
        assert bench.final() == {"status": "failed", "reason": "the agent stopped while carrying this out"}
        bench.give()
        assert bench.final(count=2)["status"] == "failed"
    assert bench.done == []


def test_while_the_outbox_cannot_be_opened_orders_are_refused_and_what_was_left_open_is_closed_after(
    bench: Bench,
) -> None:
    bench.outbox.begin_command("7f3a", "work")
    bench.outbox.close()
    path = bench.outbox.path
    kept = path.rename(path.with_name("kept"))
    path.mkdir()
    with running(bench.service()):
        bench.give("work", "8")
        assert "cannot be remembered" in bench.final("work", "8")["reason"]
        path.rmdir()
        kept.rename(path)
        bench.clock.advance(JOURNAL_RETRY_S)
        assert bench.final()["status"] == "failed"
        bench.give("work", "9")
        assert bench.final("work", "9")["status"] == "done"


def test_an_order_is_remembered_before_anything_is_done(bench: Bench) -> None:
    seen: list[Any] = []

    def look(_: Mapping[str, Any]) -> Done:
        seen.append(bench.outbox.open_commands())
        return Done({})

    service = bench.service()
    service._handlers = {"work": look}
    with running(service):
        bench.give()
        bench.final()
    assert seen == [[("7f3a", "work")]]


def test_an_order_that_cannot_be_remembered_is_not_carried_out_and_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise TryAgain("disk I/O error")

    with running(bench.service()):
        with monkeypatch.context() as patch:
            patch.setattr(bench.outbox, "begin_command", broken)
            bench.give()
            result = bench.final()
        assert (result["status"], bench.done) == ("rejected", [])
        assert "disk I/O error" in result["reason"]
        bench.give()
        assert bench.final(count=2)["status"] == "done"


def test_a_result_that_cannot_be_kept_is_told_all_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise TryAgain("disk I/O error")

    monkeypatch.setattr(bench.outbox, "finish_command", broken)
    with running(bench.service()):
        bench.give()
        assert bench.final()["status"] == "done"


def test_a_broadcast_is_put_off_by_a_part_of_its_spread_and_a_personal_order_is_not(bench: Bench) -> None:
    with running(bench.service()):
        soon = (NOW + timedelta(minutes=30)).isoformat()
        bench.give("work", "all", is_broadcast=True, spread_s=3600, expires=soon, say="all")
        bench.give("work", "me", spread_s=3600, say="me")
        assert bench.final("work", "me")["status"] == "done"
        assert bench.results("work", "all") == []
        bench.clock.advance(3600)
        assert bench.final("work", "all")["status"] == "expired", "it is looked at again when its turn comes"
        bench.give("work", "more", is_broadcast=True, spread_s=600)
        bench.give("work", "after it")
        assert bench.final("work", "after it")["status"] == "done"
        bench.clock.advance(600)
        assert bench.final("work", "more")["status"] == "done"
    assert [arguments["say"] for arguments in bench.done if "say" in arguments] == ["me"]


def test_a_callers_own_topic_is_answered_beside_the_usual_one(bench: Bench) -> None:
    own = f"{TOPICS.root}/up/result/asked-by/noc-02"
    with running(bench.service()):
        bench.give(reply_to=own, correlation=b"\x01\x02")
        bench.final()
    answers = [message for message in bench.said if message.topic == own]
    assert [json.loads(message.payload)["status"] for message in answers] == ["running", "done"]
    assert {message.correlation for message in answers} == {b"\x01\x02"}


def test_a_picture_is_handed_over_in_parts_that_make_the_whole(bench: Bench) -> None:
    with running(bench.service()):
        bench.give("picture")
        assert bench.final("picture")["size"] == 3 * PART_BYTES - 7
    parts = [m.payload for m in bench.said if "/up/bulk/7f3a/" in m.topic and not m.topic.endswith("manifest")]
    assert [len(part) for part in parts] == [PART_BYTES, PART_BYTES, PART_BYTES - 7]
    topics = [message.topic.rpartition("/")[2] for message in bench.said if "/up/bulk/" in message.topic]
    assert topics == ["0", "1", "2", "manifest"]
    manifest = next(json.loads(m.payload) for m in bench.said if m.topic.endswith("/manifest"))
    assert manifest["parts"] == 3
    assert manifest["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()


def test_a_broker_that_takes_only_small_packets_gets_smaller_parts(bench: Bench) -> None:
    bench.largest_bytes = 100_000
    with running(bench.service()):
        bench.give("picture")
        bench.final("picture")
    parts = [m.payload for m in bench.said if "/up/bulk/7f3a/" in m.topic and not m.topic.endswith("manifest")]
    assert sum(map(len, parts)) == 3 * PART_BYTES - 7
    assert [len(part) < 100_000 for part in parts] == [True] * 4


def test_it_ends_while_orders_are_put_off(bench: Bench) -> None:
    service = bench.service()
    stop = threading.Event()
    bench.give(is_broadcast=True, spread_s=3600)
    thread = threading.Thread(target=service.run, args=(stop,))
    thread.start()
    eventually(lambda: not len(bench.orders))
    stop.set()
    thread.join(service.goodbye_s)
    assert not thread.is_alive()
    assert bench.outbox.open_commands() == []
