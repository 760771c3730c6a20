"""The commands of the other end."""

import json
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from agent.command.options import Examples, json_option

if TYPE_CHECKING:
    from agent.uplink.session import Door


@click.group(cls=Examples)
def province() -> None:
    """The other end: receive what counters send, watch the fleet."""


broker_options = [
    click.option("--broker", required=True, help="mqtt://host:port or mqtts://host:port."),
    click.option("--province", "code", required=True, help='The province\'s code: "40" is Nghệ An.'),
    click.option("--username", help="MQTT user name; the client's name unless said."),
    click.option(
        "--password-file", type=click.Path(path_type=Path, exists=True), help="Its first line is the password."
    ),
    click.option(
        "--ca-file", type=click.Path(path_type=Path, exists=True), help="The authority that signed the broker's."
    ),
    click.option(
        "--certificate-file", type=click.Path(path_type=Path, exists=True), help="Own certificate, with --key-file."
    ),
    click.option("--key-file", type=click.Path(path_type=Path, exists=True), help="Its private key."),
]


def _with_broker(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(broker_options):
        command = option(command)
    return command


def _door(client_id: str, **options: Any) -> "Door":
    """Where the province's commands connect, from their options."""
    from agent.settings.model import Uplink  # noqa: PLC0415
    from agent.uplink.link import door  # noqa: PLC0415

    try:
        settings = Uplink.model_validate({name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise click.UsageError(f"--{'-'.join(map(str, first['loc'])).replace('_', '-')}: {first['msg']}") from error
    return door(settings, client_id=client_id)


def _until_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


@province.command()
@_with_broker
@click.option("--store", type=click.Path(path_type=Path), required=True, help="SQLite file for the events.")
def receive(code: str, store: Path, **options: Any) -> None:
    """Store what counters send, confirm it, and ask for what is missing.

    \b
    Example:  counter-agent province receive --province 40 --broker mqtt://localhost:1883 --store province.db
    """
    from agent.province.receive import Receiver  # noqa: PLC0415
    from agent.province.store import ProvinceStore  # noqa: PLC0415

    opened = ProvinceStore(store)
    try:
        Receiver(_door(f"province-{code}-receive", **options), province=code, store=opened).run(_until_signal())
    finally:
        opened.close()


@province.command()
@_with_broker
@click.option(
    "--store", type=click.Path(path_type=Path, exists=True), help="What `receive` stores into: shows broken chains."
)
@json_option
def watch(code: str, store: Path | None, *, as_json: bool, **options: Any) -> None:
    """A live table of the province's counters. With --json: one line, once everything retained was read.

    \b
    Example:  counter-agent province watch --province 40 --broker mqtt://localhost:1883
    """
    from agent.province.store import ProvinceView  # noqa: PLC0415
    from agent.province.watch import watch as run_watch  # noqa: PLC0415

    door = _door(f"province-{code}-watch-{token_hex(4)}", **options)
    view = ProvinceView(store) if store is not None else None
    run_watch(door, code, _until_signal(), as_json=as_json, store=view)


@province.command()
@_with_broker
@click.option("--url", required=True, help="How phones reach the page: what stands in the counters' qr.url.")
@click.option("--listen", default="127.0.0.1:8090", show_default=True, help="Where this program listens.")
@click.option(
    "--behind-proxy", "is_behind_proxy", is_flag=True, help="A web server on this machine speaks TLS for the page."
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder with a copy of every counter's qr.secret_file, named <agent>.key.",
)
@click.option("--store", type=click.Path(path_type=Path), required=True, help="SQLite file for votes on their way.")
def portal(code: str, url: str, listen: str, keys: Path, store: Path, *, is_behind_proxy: bool, **options: Any) -> None:
    """The rating page for phones, on the internet; hands each vote down to its counter.

    \b
    Example:  counter-agent province portal --province 40 --broker mqtt://localhost:1883
                --url https://danhgia.nghean.example/r/ --behind-proxy --keys keys/ --store portal.db
    """
    from agent.portal import Portal  # noqa: PLC0415
    from agent.province.courier import client_id  # noqa: PLC0415
    from agent.web.portal_service import Site  # noqa: PLC0415

    site = Site(url, listen, is_behind_proxy)
    Portal(_door(client_id(code), **options), province=code, site=site, keys=keys, store=store).run(_until_signal())


@province.command()
@_with_broker
@click.argument("title", required=False)
@click.argument("lines", nargs=-1)
@click.option("--to", "agent", required=True, help="One counter by its name, or _all.")
@click.option("--by", required=True, help="Who asks for it; the counters' events and health say so.")
@click.option("--minutes", type=click.FloatRange(min=1), help="How long, at most 72 hours; order it again for longer.")
@click.option("--withdraw", is_flag=True, help="Give the screens back, in the place of a message.")
@click.option("--wait", "wait_s", type=click.FloatRange(0, 300), default=10.0, show_default=True, help="For answers.")
@click.option("--json", "as_json", is_flag=True, help="One line for programs.")
def emergency(
    code: str,
    title: str | None,
    lines: tuple[str, ...],
    *,
    agent: str,
    by: str,
    minutes: float | None,
    withdraw: bool,
    wait_s: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Take over the screens with TITLE and up to two LINES, and tell what each counter made of it.

    Exit code 0 when every counter did it, 1 when one is away, refused, or did not answer.

    \b
    Example:  counter-agent province emergency --province 40 --broker mqtt://localhost:1883 --to _all
                --by "UBND tỉnh" --minutes 240 "Bão số 5" "Quầy tạm đóng cửa" "Cần cứu hộ gọi 114"
    """
    from agent.province.emergency import give, takeover, told, withdrawal  # noqa: PLC0415

    now = datetime.now().astimezone()
    if withdraw in (title is not None, minutes is not None):
        raise click.UsageError("either TITLE and --minutes, or --withdraw")
    if title is None or minutes is None:
        wording, said = withdrawal(by=by, now=now), "gave the screen back"
        until = now + timedelta(seconds=wording.holds_s)
    else:
        until = now + timedelta(minutes=minutes)
        wording, said = takeover(title, lines, by=by, ends=until, now=now), f"shows it until {until:%H:%M %d/%m}"
    name = f"{now:%Y%m%dT%H%M%S}-{token_hex(2)}"
    door = _door(f"province-{code}-emergency-{token_hex(4)}", **options)
    outcome = give(door, wording, province=code, to=agent, name=name, wait_s=wait_s)
    if as_json:
        click.echo(json.dumps({"order": name, "counters": outcome}, ensure_ascii=False))
    else:
        click.echo("\n".join(told(outcome, done=said, until=f"{until:%H:%M %d/%m}")))
    if not outcome or any(answer["status"] != "done" for answer in outcome.values()):
        sys.exit(1)


@province.group(cls=Examples)
def content() -> None:
    """What the counters' screens show: sets of files, signed."""


@content.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def key(file: Path) -> None:
    """Make the key that signs sets: FILE for the province alone, FILE.pub for the counters.

    \b
    Example:  counter-agent province content key content.key
    """
    from agent.province.content import make_keys  # noqa: PLC0415

    click.echo(make_keys(file))


@content.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--base", required=True, help="Where OUT will lie: https://host/folder/.")
@click.option("--key", "key_file", type=click.Path(path_type=Path, exists=True), required=True, help="The private key.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="For the web server.")
@click.option("--name", default="main", show_default=True, help="What the set is called.")
@click.option("--version", "version", type=int, help="Higher than every earlier one; the time unless said.")
def make(folder: Path, *, base: str, key_file: Path, out: Path, name: str, version: int | None) -> None:
    """Make a set of the files in FOLDER: each under the hash of its bytes, and the signed manifest.

    content.yaml in FOLDER says what plays and when, as screen.playlist does; without it every file plays.

    \b
    Example:  counter-agent province content make tet-2027/ --base https://media.nghean.example/content/
                --key content.key --out /srv/content
    """
    from agent.province.content import make_set  # noqa: PLC0415

    made = make_set(folder, out, base=base, key=key_file, name=name, version=version)
    click.echo(json.dumps({"set": made.set, "version": made.version, "items": len(made.items)}))


@content.command()
@_with_broker
@click.argument("manifest", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", "agent", default="_all", show_default=True, help="One counter by its name, or all.")
def publish(code: str, manifest: Path, agent: str, **options: Any) -> None:
    """Hand MANIFEST down to the counters; they fetch its files and show them as soon as every one is there.

    \b
    Example:  counter-agent province content publish --province 40 --broker mqtt://localhost:1883
                /srv/content/manifest.json
    """
    from agent.province.content import publish as hand_down  # noqa: PLC0415

    door = _door(f"province-{code}-content-{token_hex(4)}", **options)
    hand_down(door, province=code, agent=agent, payload=manifest.read_bytes())
