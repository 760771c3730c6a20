"""The portal's courier on a real broker: every vote reaches its counter, however often either is away."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agent.province import courier as module
from agent.province.ballots import Ballot, BallotStore
from agent.province.courier import Courier
from agent.uplink.payload import Info, Result, State
from agent.uplink.session import Connected, Door, Protocol, Received, Session, Subscribed, Wake
from agent.uplink.topics import Topics
from tests.broker import Broker
from tests.eventually import eventually

AGENT = "na-0123"
TOPICS = Topics("40", AGENT)


class FakeCounter:
    """Says that it is online and answers what is handed down, as far as *answers* says so."""

    def __init__(self, port: int, *, session: int = 1, answers: str = "done", info: Info | None = None) -> None:
        self.received: list[str] = []
        self._answers = answers
        self._number = session
        self._info = info
        self._stop = threading.Event()
        self._wake = Wake()
        self._session = Session(Door("127.0.0.1", port, AGENT, None, None, None), Protocol.MQTT5, wake=self._wake)
        self._thread = threading.Thread(target=self._run, name="counter")
        self.is_ready = threading.Event()

    @contextmanager
    def open(self) -> Iterator["FakeCounter"]:
        self._thread.start()
        try:
            assert self.is_ready.wait(10)
            yield self
        finally:
            self._stop.set()
            self._thread.join(10)
            self._wake.close()
            assert not self._thread.is_alive()

    def _run(self) -> None:
        self._session.connect()
        while not self._stop.is_set():
            for happening in self._session.turn(0.05):
                match happening:
                    case Connected():
                        self._session.subscribe(TOPICS.subscriptions)
                    case Subscribed():
                        if self._info is not None:
                            self._session.publish(TOPICS.info, self._info.encode(), retain=True)
                        state = State(state="online", session=self._number)
                        self._session.publish(TOPICS.state, state.encode(), retain=True)
                        self.is_ready.set()
                    case Received(topic=topic):
                        self._session.acknowledge(happening)
                        ballot_id = topic.rpartition("/")[2]
                        self.received.append(ballot_id)
                        if self._answers:
                            result = Result(status="done" if self._answers == "done" else "rejected")
                            self._session.publish(TOPICS.result("rating", ballot_id), result.encode())
        state = State(state="stopping", session=self._number)
        self._session.publish(TOPICS.state, state.encode(), retain=True)
        until_s = time.monotonic() + 0.3
        while time.monotonic() < until_s:
            self._session.turn(0.05)
        self._session.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BallotStore]:
    with closing(BallotStore(tmp_path / "portal.db", now=time.time)) as made:
        yield made


@contextmanager
def carrying(port: int, store: BallotStore, met: dict[str, Info] | None = None) -> Iterator[Courier]:
    courier = Courier(
        Door("127.0.0.1", port, module.client_id("40"), None, None, None),
        province="40",
        store=store,
        agents=lambda: {AGENT},
        met=({} if met is None else met).__setitem__,
    )
    stop = threading.Event()
    thread = threading.Thread(target=courier.run, args=(stop,), name="courier")
    thread.start()
    try:
        yield courier
    finally:
        stop.set()
        courier.notice()
        thread.join(10)
        assert not thread.is_alive()


def test_a_vote_is_handed_down_and_forgotten_when_it_is_answered(broker: Broker, store: BallotStore) -> None:
    with carrying(broker.port, store) as courier, FakeCounter(broker.port).open() as counter:
        store.put(Ballot("41aa", AGENT, b"sealed"))
        courier.notice()
        eventually(lambda: not store.count_waiting())
        assert counter.received == ["41aa"]


def test_votes_wait_while_the_counter_is_away_and_all_arrive_when_it_comes(broker: Broker, store: BallotStore) -> None:
    with carrying(broker.port, store):
        for number in range(70):  # more than three windows
            store.put(Ballot(f"41{number:02}", AGENT, b"sealed"))
        with FakeCounter(broker.port).open() as counter:
            eventually(lambda: not store.count_waiting())
            assert sorted(counter.received) == [f"41{number:02}" for number in range(70)]


def test_an_unanswered_vote_comes_again_when_the_counter_comes_back(broker: Broker, store: BallotStore) -> None:
    with carrying(broker.port, store):
        store.put(Ballot("41aa", AGENT, b"sealed"))
        with FakeCounter(broker.port, session=1, answers="").open() as deaf:
            eventually(lambda: deaf.received == ["41aa"])
        assert store.count_waiting() == {AGENT: 1}
        with FakeCounter(broker.port, session=2).open() as counter:
            eventually(lambda: not store.count_waiting())
            assert set(counter.received) == {"41aa"}


def test_an_unanswered_vote_comes_again_after_a_while(
    broker: Broker, store: BallotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.2)
    with carrying(broker.port, store), FakeCounter(broker.port, answers="").open() as deaf:
        store.put(Ballot("41aa", AGENT, b"sealed"))
        eventually(lambda: len(deaf.received) >= 3)


def test_a_refused_vote_is_not_handed_down_again(broker: Broker, store: BallotStore) -> None:
    with carrying(broker.port, store), FakeCounter(broker.port, answers="rejected").open():
        store.put(Ballot("41aa", AGENT, b"sealed"))
        eventually(lambda: not store.count_waiting())


def test_a_broker_that_was_killed_costs_no_vote(broker: Broker, store: BallotStore) -> None:
    with carrying(broker.port, store):
        broker.kill()
        store.put(Ballot("41aa", AGENT, b"sealed"))
        broker.start()
        with FakeCounter(broker.port).open() as counter:
            eventually(lambda: not store.count_waiting(), within_s=40)
            assert set(counter.received) == {"41aa"}
