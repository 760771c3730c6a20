"""`python -m tests.other_broker PORT`: aMQTT on loopback until it is ended, in a process and an event loop of its own.

It speaks MQTT 3.1.1 only and is nobody's fork of Mosquitto: what a counter takes for granted of a broker and only
Mosquitto does shows here.
"""

import asyncio
import sys

from amqtt.broker import Broker


async def serve(port: int) -> None:
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
