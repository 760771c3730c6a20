"""A start in two steps: a keypad first, and what takes its time to be loaded once the keypads have been tried."""

import socket
from contextlib import ExitStack

from tests.eventually import eventually
from tests.story.counter import Counter


def test_a_keypad_that_cannot_even_be_tried_does_not_keep_the_pages_away(counter: Counter) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # nobody accepts: once the queue is full, who connects waits
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(server.getsockname())
        counter.settings["keypads"][0]["port"] = f"socket://127.0.0.1:{server.getsockname()[1]}"
        counter.start()
        eventually(lambda: counter.web)
