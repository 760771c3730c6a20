"""`province watch`: a live table of the fleet in the terminal, from the retained topics and, beside them, the store.

Reads, and writes nothing to the broker or the store: an own session that ends with it.
"""

import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from agent.errors import PersonMustAct, TryAgain
from agent.province.fleet import Counter, Fleet
from agent.province.store import ProvinceView
from agent.uplink.session import (
    CONNECT_TIMEOUT_S,
    Connected,
    Door,
    LinkDown,
    Lost,
    Protocol,
    Received,
    Refused,
    Session,
    Subscribed,
    Wake,
)
from agent.uplink.topics import VERSION_ROOT, parse

if TYPE_CHECKING:
    from rich.table import Table

KINDS = ("state", "info", "health/+", "watermark")
SETTLED_S = 1.0
"""A broker hands over what it retains in one go: so long without a further message, it is all there."""


def watch(
    door: Door, province: str, stop: threading.Event, *, as_json: bool, store: ProvinceView | None = None
) -> None:
    """Show the fleet until *stop*; with *as_json* print it once as one JSON line. *store* tells of broken
    chains and of contradicted numbers.

    Raises:
        TryAgain: the broker cannot be reached or went away.
        PersonMustAct: the package for the table is missing.
    """
    fleet = Fleet()
    wake = Wake()
    session = Session(door, Protocol.MQTT5, wake=wake, expiry_s=0)
    try:
        session.connect()
        _subscribe(session, province, stop)
        if as_json:
            while not stop.is_set() and _listen(session, fleet, SETTLED_S):
                pass
            if store is not None:
                fleet.learn_faults(store.breaks(), store.conflicts(), store.astray())
            click.echo(json.dumps([counter.row() for counter in fleet.rows()], ensure_ascii=False))
        else:
            _show(session, fleet, province, stop, store)
        session.close()
    except LinkDown as error:
        raise TryAgain(f"{door.host}:{door.port}: {error}") from error
    finally:
        session.drop()
        wake.close()


def _subscribe(session: Session, province: str, stop: threading.Event) -> None:
    until_s = time.monotonic() + CONNECT_TIMEOUT_S
    while not stop.is_set():
        for happening in session.turn(0.25):
            match happening:
                case Connected():
                    session.subscribe([f"{VERSION_ROOT}/{province}/+/up/{kind}" for kind in KINDS])
                case Subscribed(refused=False):
                    return
                case Subscribed():
                    raise LinkDown("REFUSED", "the broker does not let this client read the counters' topics")
                case Refused(text=text) | Lost(reason=text):
                    raise LinkDown("REFUSED", text)
        if time.monotonic() > until_s:
            raise LinkDown("MUTE", "the broker accepted the line but does not answer")


def _listen(session: Session, fleet: Fleet, within_s: float) -> bool:
    """Take in what comes within the time; whether anything came."""
    happenings = session.turn(within_s)
    for happening in happenings:
        match happening:
            case Received(topic=topic, payload=payload, is_retained=is_retained):
                heard = parse(topic)
                if heard is not None:
                    fleet.hear(heard, payload, at=datetime.now(UTC), is_retained=is_retained)
                session.acknowledge(happening)
            case Lost(reason=reason):
                raise LinkDown("LOST", reason)
    return bool(happenings)


def _show(session: Session, fleet: Fleet, province: str, stop: threading.Event, store: ProvinceView | None) -> None:
    try:
        from rich.live import Live  # noqa: PLC0415 - an extra, only for this table
    except ImportError as error:
        raise PersonMustAct("the table needs the package rich: pip install 'counter-agent[province]'") from error
    with Live(table(fleet, province, datetime.now(UTC)), refresh_per_second=4, screen=False) as live:
        while not stop.is_set():
            _listen(session, fleet, 0.25)
            if store is not None:
                fleet.learn_faults(store.breaks(), store.conflicts(), store.astray())
            live.update(table(fleet, province, datetime.now(UTC)))


def table(fleet: Fleet, province: str, now: datetime) -> "Table":
    """The fleet as rich draws it."""
    from rich.table import Table  # noqa: PLC0415

    rows = fleet.rows()
    online = sum(counter.state == "online" for counter in rows)
    made = Table(
        title=f"Province {province}: {online} of {len(rows)} counters online", title_justify="left", expand=True
    )
    for column, options in COLUMNS.items():
        made.add_column(column, **options)  # type: ignore[arg-type] # a column's own keywords
    for counter in rows:
        made.add_row(*cells(counter, now))
    return made


COLUMNS: dict[str, dict[str, object]] = {
    "counter": {"no_wrap": True},
    "state": {"no_wrap": True},
    "unit": {"ratio": 3},
    "events": {"justify": "right"},
    "waiting": {"justify": "right"},
    "heard": {"justify": "right", "no_wrap": True},
    "trouble": {"ratio": 5},
}
STATE_STYLE = {"online": "green", "stopping": "yellow", "lost": "red"}


def cells(counter: Counter, now: datetime) -> list[str]:
    """One row of the table, with rich's markup."""
    from rich.markup import escape  # noqa: PLC0415

    style = STATE_STYLE.get(counter.state, "dim")
    trouble = [
        f"[red]{what}[/] {len(places)} {how}, first at {escape(places[0])}"
        for what, how, places in (
            ("chain", "broken", counter.breaks),
            ("numbers", "sent again with other bytes", counter.conflicts),
        )
        if places
    ]
    trouble += [f"[red]votes[/] do not add up: {escape(what)}" for what in counter.astray]
    if counter.worst is not None:
        component, health = counter.worst
        colour = "red" if health.get("status") == "failed" else "yellow"
        trouble.append(f"[{colour}]{escape(component)}[/] {escape(str(health.get('message', '')))}")
        if health.get("hint"):
            trouble.append(f"[dim]→ {escape(str(health['hint']))}[/]")
    number = f" · {counter.number}" if counter.number is not None else ""
    return [
        escape(counter.agent),
        f"[{style}]{counter.state}[/]",
        f"{escape(counter.unit)}{number}",
        "" if counter.events is None else str(counter.events),
        "" if counter.pending is None else str(counter.pending),
        "" if counter.heard_at is None else f"{max(0, (now - counter.heard_at).total_seconds()):.0f} s",
        "\n".join(trouble) or "[green]–[/]",
    ]
