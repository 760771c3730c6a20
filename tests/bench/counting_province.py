"""A province that confirms everything and keeps nothing: what a drain needs at its other end, for next to no CPU.

`python -m tests.bench.counting_province BROKER_PORT`. The real receiver stores every event durably and would be the
slower half of the drain on the same two cores; it has a row of its own. Says a line when it listens, runs until killed.
"""

import re
import sys
import zlib

from agent.event import Lane
from agent.uplink.payload import Acknowledgement
from agent.uplink.session import Connected, Door, Lost, Protocol, Received, Session, Subscribed, Wake
from agent.uplink.topics import Topics
from tests.bench.events import AGENT, PROVINCE

_PLACE = re.compile(rb'"epoch":"(\w+)","lane":"record","seq":(\d+),')


def main(port: int) -> None:
    topics = Topics(PROVINCE, AGENT)
    session = Session(Door("127.0.0.1", port, "counting", "counting", None, None), Protocol.MQTT5, wake=Wake())
    session.connect()
    while True:
        last: bytes | None = None
        for happening in session.turn(1.0):
            match happening:
                case Connected():
                    session.subscribe([topics.batch(Lane.RECORD), f"{topics.root}/up/event/rating"])
                case Subscribed():
                    print("listening", flush=True)
                case Received():
                    last = happening.payload
                    session.acknowledge(happening)
                case Lost():
                    return
        if last is not None:
            _confirm(session, topics, last)


def _confirm(session: Session, topics: Topics, payload: bytes) -> None:
    """In one lane of one connection nothing overtakes: up to the newest number is everything."""
    body = payload if payload.startswith(b"{") else zlib.decompress(payload)
    epoch, seq = _PLACE.findall(body)[-1]
    said = Acknowledgement(epoch=epoch.decode(), upto=int(seq))
    session.publish(topics.acknowledgement(Lane.RECORD), said.encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
