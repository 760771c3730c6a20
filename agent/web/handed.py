"""Listening sockets that systemd opened and holds: a restart of the agent is a pause for who asks, not a refusal.

The protocol of sd_listen_fds(3). A service gets a copy of the socket; the first one stays open for as long as this
process lives, so that a service that is built again finds it again. Where systemd holds none, nothing is here.
"""

import os
import socket
from collections.abc import Mapping

FIRST_FD = 3


def handed(host: str, port: int, environment: Mapping[str, str] = os.environ) -> socket.socket | None:
    """The socket listening at *host* and *port*, if this process was given one."""
    wanted = "127.0.0.1" if host == "localhost" else host, port
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return None
    for descriptor in range(FIRST_FD, FIRST_FD + int(environment.get("LISTEN_FDS", "0"))):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its own signature
        copy = socket.socket(fileno=os.dup(descriptor))
        if copy.family in (socket.AF_INET, socket.AF_INET6) and copy.getsockname()[:2] == wanted:
            return copy
        copy.close()
    return None
