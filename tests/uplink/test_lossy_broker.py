"""A broker confirms more than it keeps; the province's word is the one that counts."""

from pathlib import Path

import pytest

from agent.language import language
from agent.orders import Duties
from agent.outbox.chain import verify
from agent.province import receive
from agent.rating.inspection.sign import Sign
from agent.rating.inspection.slip import Slip
from agent.screen.content.sets import Sets
from agent.screen.media.store import MediaStore
from agent.screen.planning.emergency import Siren
from agent.uplink.commands import CommandService
from agent.uplink.session import Protocol
from tests.blind import blind
from tests.broker import Broker
from tests.eventually import eventually
from tests.province.office import Office
from tests.rating.running import running
from tests.uplink.at_the_broker import Box


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("protocol", "events"), [(Protocol.MQTT5, 3000), (Protocol.MQTT311, 300)])
def test_all_arrive_by_replay_although_the_broker_kept_few_of_what_it_confirmed(
    counter: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: Protocol, events: int
) -> None:
    """With the consumer offline Mosquitto said Success to 3,000 events and kept 1,000; here it keeps ten."""
    for name, seconds in {"LOOK_S": 0.05, "SETTLED_S": 0.2, "ASK_AGAIN_S": 0.5}.items():
        monkeypatch.setattr(receive, name, seconds)
    folder = tmp_path / "broker"
    folder.mkdir()
    with Broker(folder, max_queued_messages=10) as broker:
        with Office(broker.port, tmp_path / "province.db", protocol).open():
            pass  # from now on the broker has a session to keep events for
        counter.press(events)
        with running(commands(counter)), counter.connected(broker.url, batch="never", protocol=protocol):
            eventually(
                lambda: broker.log_file.read_text().count("up/event/rating'") >= events, within_s=40, every_s=0.1
            )
            with Office(broker.port, tmp_path / "province.db", protocol).open() as office:
                eventually(lambda: len(office.seqs) == events, within_s=40, every_s=0.1)
                assert verify(office.rows()).broken is None
                eventually(lambda: counter.pending == 0, within_s=10)


def commands(counter: Box) -> CommandService:
    duties = Duties(
        clock=counter.clock,
        health=counter.health,
        outbox=counter.outbox,
        mailbox=counter.mailbox,
        words=lambda: language("vi"),
        renew=str,
        pictures=blind(counter.outbox, counter.mailbox, counter.clock),
        sign=Sign(counter.outbox.path.with_name("mode.json"), counter.clock, None),
        slip=Slip(counter.outbox.path.with_name("inspection-code.json"), counter.clock, None),
        siren=Siren(counter.outbox.path.with_name("emergency.json"), counter.clock, None, None),
        sets=Sets(counter.outbox.path.with_name("content"), MediaStore(counter.outbox.path.with_name("screen"))),
        best=lambda: 3,
    )
    return CommandService(
        orders=counter.orders,
        topics=counter.topics,
        journal=counter.outbox,
        clock=counter.clock,
        say=counter.mailbox.say,
        handlers=duties.handlers(),
    )
