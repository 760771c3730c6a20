"""An emergency from the province's side: one order, to one counter or to all, and what each of them made of it.

The order is handed down once and answered by every counter that is online; the broker keeps it for those that are away
until it would be too late. It names its end by the wall's clock and how long it lasts: a counter that takes it late
ends with the others, one that is not sure of the time shows it all the same.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from agent.errors import PersonMustAct
from agent.province.errand import run_errand, turned_away
from agent.screen.planning.emergency import LIMIT_S, worded
from agent.uplink.payload import Result, State
from agent.uplink.session import (
    Acknowledged,
    Connected,
    Door,
    Happening,
    LinkDown,
    Lost,
    Received,
    Refused,
    Session,
    Subscribed,
)
from agent.uplink.topics import ALL, VERSION_ROOT, Topics, parse

COMMAND = "emergency"
FINAL = ("done", "failed", "rejected", "expired")
ROLL_CALL_S = 1.0
"""So long after the subscription every counter that the broker knows was heard of."""
LOOK_S = 0.2
BROKER_S = 20.0
"""For the broker to take the order."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The order itself."""

    body: bytes
    holds_s: float
    """For so long the broker keeps it for a counter that is away."""


def takeover(title: str, lines: tuple[str, ...], *, by: str, ends: datetime, now: datetime) -> Wording:
    """The order for a message until *ends*.

    Raises:
        PersonMustAct: no screen could show that, or not so long.
    """
    try:
        notice = worded(title, lines)
    except ValueError as error:
        raise PersonMustAct(str(error)) from error
    lasts_s = (ends - now).total_seconds()
    if not 0 < lasts_s <= LIMIT_S:
        raise PersonMustAct(f"an emergency ends within {LIMIT_S / 3600:g} hours; order it again before it does")
    said = {"title": notice.title, "lines": notice.lines, "until": _stamp(ends), "minutes": round(lasts_s / 60, 2)}
    return Wording(_order(by, ends, **said), lasts_s)


def withdrawal(*, by: str, now: datetime) -> Wording:
    """The order that gives the screens back; kept as long as any emergency could last."""
    return Wording(_order(by, now + timedelta(seconds=LIMIT_S), minutes=0), LIMIT_S)


def _order(by: str, expires: datetime, **said: object) -> bytes:
    return json.dumps({"expires": _stamp(expires), "spread_s": 0, "by": by, **said}, ensure_ascii=False).encode()


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


class Roll:
    """Who was called, who is there, and what they answered."""

    def __init__(self, to: str) -> None:
        self._to = to
        self._states: dict[str, str] = {}
        self._answers: dict[str, Result] = {}

    def hear(self, message: Received) -> None:
        """A counter's state or answer."""
        heard = parse(message.topic)
        if heard is None or not message.payload or self._to not in (ALL, heard.agent):
            return
        try:
            if heard.kind == "state":
                self._states[heard.agent] = State.model_validate_json(message.payload).state
            elif (answer := Result.model_validate_json(message.payload)).status in FINAL:
                self._answers[heard.agent] = answer
        except ValidationError:
            return

    @property
    def is_complete(self) -> bool:
        """Whether nobody who is there has still to answer."""
        return all(agent in self._answers for agent, state in self._states.items() if state == "online")

    def outcome(self) -> dict[str, dict[str, str]]:
        """By counter, what became of it: `done`, `failed`, `rejected`, `expired`, `away`, `silent`, `unknown`."""
        named = {self._to} - {ALL}
        found: dict[str, dict[str, str]] = {}
        for agent in sorted({*named, *self._states, *self._answers}):
            answer = self._answers.get(agent)
            if answer is not None:
                found[agent] = {"status": answer.status, **({"reason": answer.reason} if answer.reason else {})}
            elif agent not in self._states:
                found[agent] = {"status": "unknown"}
            else:
                found[agent] = {"status": "silent" if self._states[agent] == "online" else "away"}
        return found


def give(
    door: Door, wording: Wording, *, province: str, to: str, name: str, wait_s: float
) -> dict[str, dict[str, str]]:
    """Give the order called *name* and wait for its answers, at most *wait_s* after the broker took it.

    Raises:
        PersonMustAct: the broker cannot be reached, or does not take it.
    """
    return run_errand(door, lambda session: _Call(session, wording, Topics(province, to), name).made(wait_s)).outcome()


class _Call:
    """One connection, one order."""

    def __init__(self, session: Session, wording: Wording, topics: Topics, name: str) -> None:
        self._session, self._wording, self._topics, self._name = session, wording, topics, name
        self._roll = Roll(topics.agent)
        self._mid: int | None = None
        self._taken_s: float | None = None

    def made(self, wait_s: float) -> Roll:
        """The roll after the order."""
        self._session.connect()
        end_s = time.monotonic() + BROKER_S
        while time.monotonic() < end_s:
            was_taken = self._taken_s is not None
            for happening in self._session.turn(LOOK_S):
                self._meet(happening)
            if self._taken_s is None:
                continue
            if not was_taken:
                end_s = self._taken_s + wait_s
            if time.monotonic() >= self._taken_s + ROLL_CALL_S and self._roll.is_complete:
                break
        if self._taken_s is None:
            raise LinkDown("MUTE", "the broker does not answer")
        self._session.close()
        return self._roll

    def _meet(self, happening: Happening) -> None:
        topics, session = self._topics, self._session
        match happening:
            case Connected():
                session.subscribe(self._ears())
            case Subscribed(refused=is_refused):
                if is_refused:
                    raise LinkDown("REFUSED", "the broker does not let this user read the counters' topics")
                order, holds_s = topics.command(COMMAND, self._name), round(self._wording.holds_s)
                self._mid = session.publish(order, self._wording.body, expiry_s=holds_s)
            case Acknowledged():
                self._take(happening)
            case Received():
                self._roll.hear(happening)
                session.acknowledge(happening)
            case Refused():
                raise turned_away(session, happening)
            case Lost(reason=reason):
                raise LinkDown("LOST", reason)

    def _take(self, word: Acknowledged) -> None:
        if word.mid != self._mid:
            return
        if word.reason >= 0x80:
            raise LinkDown("REFUSED", f"the broker refused the order: {word.text}")
        self._taken_s = time.monotonic()

    def _ears(self) -> list[str]:
        whose = "+" if self._topics.agent == ALL else self._topics.agent
        root = f"{VERSION_ROOT}/{self._topics.province}/{whose}/up"
        return [f"{root}/state", f"{root}/result/{COMMAND}/{self._name}"]


SAID: dict[str, Callable[[str], str]] = {
    "away": lambda until: f"away; told when it is back, until {until}",
    "silent": lambda _: "online, and did not answer",
    "unknown": lambda _: "the broker knows no such counter",
}


def told(outcome: dict[str, dict[str, str]], *, done: str, until: str) -> list[str]:
    """The *outcome* for a terminal: a line a counter and how many of them did it. *done*: what those say who did."""
    width = max(map(len, outcome), default=0)
    lines = []
    for agent, answer in outcome.items():
        status, reason = answer["status"], answer.get("reason")
        plain = SAID[status](until) if status in SAID else done if status == "done" else status
        lines.append(f"{agent:<{width}}  {plain}{f': {reason}' if reason else ''}")
    count = sum(answer["status"] == "done" for answer in outcome.values())
    return [*lines, f"{count} of {len(outcome)} counters"]
