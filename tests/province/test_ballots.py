"""The portal's votes: once an id, durable, kept until answered."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import TryAgain
from agent.province.ballots import REMEMBERED_S, Ballot, BallotStore

VOTE = Ballot("41aa", "na-0123", b"sealed words")


class Clock:
    def __init__(self) -> None:
        self.now = 1_789_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[BallotStore]:
    with closing(BallotStore(tmp_path / "portal.db", now=clock)) as made:
        yield made


def test_a_vote_waits_for_its_counter_until_that_answers(store: BallotStore) -> None:
    assert store.put(VOTE)
    assert store.waiting("na-0123", limit=10) == [VOTE]
    assert store.waiting("na-0124", limit=10) == []
    assert store.count_waiting() == {"na-0123": 1}
    assert store.answered("na-0123", VOTE.id)
    assert store.waiting("na-0123", limit=10) == []
    assert store.count_waiting() == {}


def test_an_id_is_used_once_also_after_its_answer(store: BallotStore) -> None:
    assert not store.is_used(VOTE.id)
    assert store.put(VOTE)
    assert store.is_used(VOTE.id)
    assert not store.put(Ballot(VOTE.id, "na-0123", b"another answer"))
    assert store.waiting("na-0123", limit=10) == [VOTE]
    store.answered("na-0123", VOTE.id)
    assert not store.put(VOTE)


def test_a_counter_cannot_answer_for_another(store: BallotStore) -> None:
    store.put(VOTE)
    assert not store.answered("na-0124", VOTE.id)
    assert store.waiting("na-0123", limit=10) == [VOTE]


def test_the_sealed_words_are_gone_with_the_answer(store: BallotStore) -> None:
    store.put(VOTE)
    store.answered("na-0123", VOTE.id)
    with closing(sqlite3.connect(store.path)) as other:
        assert other.execute("select sealed from ballot").fetchall() == [(None,)]


def test_an_answered_id_is_forgotten_after_a_day_and_a_waiting_one_never(store: BallotStore, clock: Clock) -> None:
    store.put(VOTE)
    store.put(Ballot("41bb", "na-0123", b"x"))
    store.answered("na-0123", VOTE.id)
    clock.now += 400 * REMEMBERED_S
    store.put(Ballot("41cc", "na-0123", b"y"))
    store.answered("na-0123", "41cc")
    assert not store.is_used(VOTE.id)
    assert store.is_used("41bb")


def test_the_oldest_votes_come_first(store: BallotStore, clock: Clock) -> None:
    for number in (3, 1, 2):
        store.put(Ballot(f"4{number}", "na-0123", b"x"))
        clock.now += 60
    assert [vote.id for vote in store.waiting("na-0123", limit=2)] == ["43", "41"]


def test_what_was_put_is_there_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "portal.db"
    with closing(BallotStore(path, now=clock)) as store:
        store.put(VOTE)
        store.learn("na-0123", b'{"name":"x"}')
        store.learn("na-0123", b'{"name":"y"}')
    with closing(BallotStore(path, now=clock)) as store:
        assert store.waiting("na-0123", limit=10) == [VOTE]
        assert store.known() == {"na-0123": b'{"name":"y"}'}


def test_a_vote_that_the_disk_refuses_is_not_put(store: BallotStore) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("create trigger full before insert on ballot begin select raise(abort, 'disk full'); end")
    with pytest.raises(TryAgain, match="disk full"):
        store.put(VOTE)
    assert not store.is_used(VOTE.id)
