"""The two families of errors at every edge: try again, or a person must act.

An error that crosses a room's door is one of these. Its text says where, what was seen,
what is accepted, and what to do next; it is shown to people as it stands.
"""

import errno


class CounterAgentError(Exception):
    """Root of everything this package raises on purpose."""


class TryAgain(CounterAgentError):
    """The cause may pass by itself; the caller backs off and repeats."""


class PersonMustAct(CounterAgentError):
    """Repeating will not help; the text says what a person has to do."""


class TokenSpent(CounterAgentError):
    """This token has voted before; nothing was stored."""


class BallotGone(CounterAgentError):
    """This vote is not in the ballot box any more."""


class SystemReason(str):
    """Why the operating system refused, in its own English; a `Language` says it in its own words by `name`."""

    name: str
    """The error's symbol: ENOENT; empty when there is none."""

    @classmethod
    def of(cls, error: OSError) -> "SystemReason":
        reason = cls(error.strerror or str(error))
        reason.name = errno.errorcode.get(error.errno or 0, "")
        return reason
