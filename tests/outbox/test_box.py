"""The ballot box on a real file: durable, without an order, in the box or in the lane, one vote for each token."""

import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from agent.clock import ManualClock
from agent.errors import BallotGone, TokenSpent, TryAgain
from agent.event import Fact, Lane
from agent.outbox.box import SPENT_KEPT
from agent.outbox.store import Outbox
from tests.outbox.conftest import confirm, fact, outbox_at, seqs, stream

NOON_S = 1_788_235_200


def everything(held: Mapping[int, Fact]) -> Sequence[tuple[int, Fact]]:
    return list(held.items())


def nothing(_: Mapping[int, Fact]) -> Sequence[tuple[int, Fact]]:
    return []


def levels(outbox: Outbox) -> list[int]:
    """Of the released votes, in the lane's order."""
    return [json.loads(body)["data"]["level"] for _, body in outbox.read(stream(outbox), 1, 10**6)]


def stand(outbox: Outbox) -> tuple[int, int, int]:
    """Votes held, released and ever cast."""
    standing = outbox.standing()
    return standing.held, standing.lanes[Lane.RECORD].last, standing.cast


def test_a_vote_that_is_held_is_on_the_disk_and_has_no_number(outbox: Outbox, clock: ManualClock) -> None:
    outbox.hold(fact(clock))
    assert stand(outbox) == (1, 0, 1)
    outbox.close()
    outbox.open()
    assert stand(outbox) == (1, 0, 1)
    assert seqs(outbox) == []


def test_votes_leave_as_they_went_in_in_their_boot(outbox: Outbox, clock: ManualClock) -> None:
    held = Fact(fact(clock).type, clock.now(), clock.quality(), {"level": 2}, clock.read().booted, "abcdefabcdef")
    outbox.hold(held)
    clock.advance(3600)
    assert outbox.release(everything) == 1
    ((_, body),) = outbox.read(stream(outbox), 1, 1)
    event = json.loads(body)
    assert (event["time"], event["boot"]) == (held.at.isoformat(timespec="seconds"), "abcdefabcdef")
    assert "booted" in event
    assert stand(outbox) == (0, 1, 1)


def test_a_correction_takes_the_place_of_the_vote(outbox: Outbox, clock: ManualClock) -> None:
    key = outbox.hold(fact(clock, 3))
    outbox.amend(key, fact(clock, 0))
    outbox.release(everything)
    assert levels(outbox) == [0]
    with pytest.raises(BallotGone):
        outbox.amend(key, fact(clock, 1))
    assert stand(outbox) == (0, 1, 1)


def test_what_is_not_chosen_stays(outbox: Outbox, clock: ManualClock) -> None:
    outbox.hold(fact(clock, 1))
    assert outbox.release(nothing) == 0
    outbox.hold(fact(clock, 2))
    outbox.release(lambda held: [item for item in held.items() if item[1].data["level"] == 2])
    assert levels(outbox) == [2]
    assert stand(outbox) == (1, 1, 2)


def test_the_order_of_the_lane_and_of_the_table_do_not_tell_the_order_of_the_presses(
    outbox: Outbox, clock: ManualClock
) -> None:
    pressed = list(range(40))
    keys = [outbox.hold(fact(clock, level)) for level in pressed]
    outbox.release(everything)
    assert sorted(levels(outbox)) == pressed != levels(outbox)
    assert keys != sorted(keys)


def test_ratings_beside_the_box_are_counted_too(outbox: Outbox, clock: ManualClock) -> None:
    outbox.append(fact(clock), fact(clock))
    outbox.hold(fact(clock))
    outbox.release(everything)
    outbox.append(fact(clock))
    assert stand(outbox) == (0, 4, 4)


def test_a_token_votes_once_also_after_a_restart(outbox: Outbox, clock: ManualClock) -> None:
    outbox.hold(fact(clock), token=b"a token", slot=NOON_S)
    outbox.release(everything)
    outbox.close()
    with pytest.raises(TokenSpent):
        outbox.hold(fact(clock), token=b"a token", slot=NOON_S)
    assert outbox.is_spent(b"a token", NOON_S)
    assert not outbox.is_spent(b"another", NOON_S)
    assert stand(outbox) == (0, 1, 1)


def test_of_two_with_one_token_at_once_one_is_taken(outbox: Outbox, clock: ManualClock) -> None:
    taken: list[bool] = []

    def cast() -> None:
        try:
            outbox.hold(fact(clock), token=b"a token", slot=NOON_S)
        except TokenSpent:
            taken.append(False)
        else:
            taken.append(True)

    threads = [threading.Thread(target=cast) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 5 + [True]
    assert stand(outbox) == (1, 0, 1)


def test_the_votes_of_a_slot_are_counted(outbox: Outbox, clock: ManualClock) -> None:
    for number in range(3):
        outbox.hold(fact(clock), token=bytes([number]), slot=NOON_S)
    outbox.hold(fact(clock), token=b"later", slot=NOON_S + 60)
    assert (outbox.spent_in(NOON_S), outbox.spent_in(NOON_S + 60), outbox.spent_in(0)) == (3, 1, 0)


def test_nothing_ties_a_spent_token_to_its_vote(outbox: Outbox, clock: ManualClock) -> None:
    outbox.hold(fact(clock, 0), token=b"a token", slot=NOON_S)
    with closing(sqlite3.connect(outbox.path)) as db:
        assert db.execute("select * from spent").fetchall() == [(NOON_S, b"a token")]
        ((body,),) = db.execute("select body from box").fetchall()
    assert b"token" not in body


def test_spent_tokens_are_forgotten_after_400_days(outbox: Outbox, clock: ManualClock) -> None:
    outbox.hold(fact(clock), token=b"old", slot=int(clock.now().timestamp()))
    clock.advance((SPENT_KEPT + timedelta(days=1)).total_seconds())
    outbox.hold(fact(clock), token=b"new", slot=int(clock.now().timestamp()))
    with closing(sqlite3.connect(outbox.path)) as db:
        assert db.execute("select token from spent").fetchall() == [(b"new",)]


def test_a_released_vote_leaves_no_trace_in_the_file_of_where_it_lay(outbox: Outbox, clock: ManualClock) -> None:
    kept = Fact(
        fact(clock).type, clock.now(), clock.quality(), {"level": 1, "nonce": "Q" * 22}, None, "only-in-the-box"
    )
    outbox.hold(kept)
    outbox.release(lambda held: [(key, fact(clock, 1)) for key in held])
    with closing(sqlite3.connect(outbox.path)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    assert b"only-in-the-box" not in outbox.path.read_bytes()


def test_a_damaged_file_hands_its_votes_and_spent_tokens_on(tmp_path: Path, clock: ManualClock) -> None:
    with closing(outbox_at(tmp_path / "outbox.db", clock)) as outbox:
        outbox.append(fact(clock, 3), fact(clock, 2))
        key = outbox.hold(fact(clock, 0), token=b"a token", slot=NOON_S)
        epoch = outbox.epoch
        outbox.close()
        with closing(sqlite3.connect(outbox.path)) as db:
            db.execute("update record set body = x'00' where seq = 2")
            db.commit()
        outbox.open()
        assert outbox.epoch != epoch
        assert stand(outbox) == (1, 0, 1)
        outbox.amend(key, fact(clock, 1))
        with pytest.raises(TokenSpent):
            outbox.hold(fact(clock), token=b"a token", slot=NOON_S)
        outbox.release(everything)
        assert levels(outbox) == [1]
        ((_, body),) = outbox.read(stream(outbox, Lane.ALERT), 1, 1)
        assert json.loads(body)["data"]["ballots"] == 1


def test_a_damaged_vote_is_found_when_the_box_is_opened_and_the_others_go_on(
    tmp_path: Path, clock: ManualClock
) -> None:
    with closing(outbox_at(tmp_path / "outbox.db", clock)) as outbox:
        rotten = outbox.hold(fact(clock, 0))
        outbox.hold(fact(clock, 3))
        with closing(sqlite3.connect(outbox.path)) as db:
            db.execute("update box set body = x'00' where ballot = ?", (rotten,))
            db.commit()
        with pytest.raises(TryAgain):
            outbox.release(everything)
        outbox.release(everything)
        assert levels(outbox) == [3]


def test_a_restored_old_copy_brings_its_votes_into_a_new_epoch_by_their_names(
    tmp_path: Path, clock: ManualClock
) -> None:
    """Which of them had left already the box cannot know; their nonces tell the province."""
    path, copy = tmp_path / "outbox.db", tmp_path / "copy.db"
    with closing(outbox_at(path, clock)) as outbox:
        outbox.hold(Fact(fact(clock).type, clock.now(), clock.quality(), {"level": 1, "nonce": "N" * 22}))
        with closing(sqlite3.connect(path)) as db, closing(sqlite3.connect(copy)) as to:
            db.backup(to)
        outbox.release(everything)
        released = outbox.read(stream(outbox), 1, 1)[0][1]
        outbox.close()
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.write_bytes(copy.read_bytes())
        outbox.open()
        assert not confirm(outbox, 1), "the province has a number that this file never gave out"
        outbox.release(everything)
        again = outbox.read(stream(outbox), 1, 1)[0][1]
    assert json.loads(released)["data"]["nonce"] == json.loads(again)["data"]["nonce"]


def test_while_the_disk_refuses_a_vote_is_not_taken_and_the_box_stays_as_it_was(
    outbox: Outbox, clock: ManualClock
) -> None:
    outbox.hold(fact(clock))
    with closing(sqlite3.connect(outbox.path, isolation_level=None)) as other:
        other.execute("pragma busy_timeout = 0")
        other.execute("begin immediate")
        outbox._book.connection.execute("pragma busy_timeout = 0")
        with pytest.raises(TryAgain):
            outbox.release(everything)
        other.execute("rollback")
    assert stand(outbox) == (1, 0, 1)
    assert outbox.release(everything) == 1
