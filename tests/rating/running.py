"""A service in a thread of its own, ended at the end of the block."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from agent.service import Service


@contextmanager
def running(service: Service) -> Iterator[threading.Thread]:
    """Run *service*; fail when it raises, or does not end within its own goodbye."""
    stop = threading.Event()
    failure: list[BaseException] = []

    def run() -> None:
        try:
            service.run(stop)
        except BaseException as error:  # noqa: BLE001 - whatever ended it belongs to the test
            failure.append(error)

    thread = threading.Thread(target=run, name=service.name)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(service.goodbye_s)
    assert not thread.is_alive(), f"{service.name} did not end within {service.goodbye_s} s"
    if failure:
        raise failure[0]
