"""The agent's own outbox and uplink, and nothing else of it, sending a backlog until the province has confirmed it.

`python -m tests.bench.drainer OUTBOX BROKER_PORT` says as JSON how long it took and what it cost: from the first
attempt to connect until the last confirmation, everything confirmed removed on the way.
"""

import json
import sys
import threading
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.clock import SystemClock
from agent.event import Lane
from agent.health import Health
from agent.language import language
from agent.settings.model import Uplink
from agent.uplink.commands import Orders
from agent.uplink.mailbox import Mailbox
from agent.uplink.service import Birth, UplinkService
from agent.uplink.topics import Topics
from tests.bench.events import AGENT, HANOI, PROVINCE, outbox_at
from tests.bench.processes import peak_mib

LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Drained:
    took_s: float
    cpu_s: float
    left: int
    """Rows still in the outbox; the last one always stays."""
    grown_mib: float
    """How much more memory it needed at most than before it began."""
    events: int = 0
    broker_cpu_s: float = 0.0


def drain(path: Path, port: int) -> Drained:
    clock = SystemClock(HANOI)
    health, mailbox, stop = Health(clock), Mailbox(), threading.Event()
    with closing(outbox_at(path, clock)) as outbox, closing(mailbox):
        outbox.open()
        service = UplinkService(
            Uplink.model_validate({"broker": f"mqtt://127.0.0.1:{port}"}),
            topics=Topics(PROVINCE, AGENT),
            outbox=outbox,
            health=health,
            language=language("en"),
            clock=clock,
            birth=Birth(info=lambda: b"{}", config=lambda: b"{}"),
            orders=Orders(1),
            mailbox=mailbox,
        )
        thread = threading.Thread(target=service.run, args=(stop,))
        before_mib = peak_mib("self")
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        thread.start()
        while outbox.marks()[Lane.RECORD].pending and time.perf_counter() - began_s < LIMIT_S:
            time.sleep(0.005)
        took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        grown_mib = peak_mib("self") - before_mib
        stop.set()
        thread.join()
        mark = outbox.marks()[Lane.RECORD]
        if mark.pending:
            raise SystemExit(f"after {LIMIT_S:.0f} s {mark.pending} events are still unconfirmed")
        return Drained(took_s, cpu_s, mark.last - mark.first + 1, grown_mib)


if __name__ == "__main__":
    print(json.dumps(asdict(drain(Path(sys.argv[1]), int(sys.argv[2])))))
