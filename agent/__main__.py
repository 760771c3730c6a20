"""The command line: parses, calls, prints. No logic of its own.

Exit codes: 0 done, 1 failed, 78 the configuration cannot be used (EX_CONFIG of sysexits.h).
"""

import json
import logging
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

from agent import __version__
from agent.errors import CounterAgentError
from agent.settings.problem import SettingsError

if TYPE_CHECKING:
    from agent.uplink.session import Door

EX_CONFIG = 78
CONFIG = Path("/etc/counter-agent/config.yaml")

config_option = click.option(
    "--config",
    "-c",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=CONFIG,
    show_default=True,
    help="The configuration file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print for a program to read.")


class Examples(click.Group):
    """Commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


def main() -> None:
    """The entry point of `counter-agent` and of `python -m agent`."""
    try:
        cli(standalone_mode=False)
    except SettingsError as error:
        click.echo(error.render(), err=True)
        sys.exit(EX_CONFIG)
    except CounterAgentError as error:
        click.echo(f"counter-agent: {error}", err=True)
        sys.exit(1)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


@click.group(cls=Examples, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="counter-agent")
@click.option("--verbose", "-v", is_flag=True, help="Log more.")
def cli(*, verbose: bool) -> None:
    """The edge daemon of a one-stop counter: ratings, camera and screen, synced to the province over MQTT."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)


@cli.command()
def demo() -> None:
    """The whole thing on this machine: counter, broker and province, with one address to open.

    \b
    Example:  counter-agent demo
    """
    from agent.demo import run  # noqa: PLC0415 - commands import what they need

    run()


@cli.command()
@config_option
@json_option
def check(config: Path, *, as_json: bool) -> None:
    """Prove a configuration file without touching hardware or network.

    \b
    Example:  counter-agent check --config config.yaml
    """
    from agent.language import language  # noqa: PLC0415
    from agent.settings.load import load  # noqa: PLC0415

    try:
        settings = load(config)
    except SettingsError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"errors": [problem.payload() for problem in error.problems]}, ensure_ascii=False))
        sys.exit(EX_CONFIG)
    if as_json:
        click.echo(json.dumps({"errors": [], "hash": settings.digest}))
    else:
        devices = {"keypads": len(settings.keypads), "cameras": len(settings.cameras)}
        words = language(settings.counter.language)
        click.echo(words.text("check.good", file=config, agent=settings.counter.agent, hash=settings.digest, **devices))


@cli.command()
@click.option("--protocol", "is_protocol", is_flag=True, help="Print the topics and payloads instead (AsyncAPI 3.0).")
def schema(*, is_protocol: bool) -> None:
    """Print the JSON Schema of the configuration file, for editors.

    \b
    Example:  counter-agent schema > schema.json
              counter-agent schema --protocol > asyncapi.json
    """
    if is_protocol:
        from agent.protocol import asyncapi as make  # noqa: PLC0415
    else:
        from agent.settings.schema import schema as make  # noqa: PLC0415

    click.echo(json.dumps(make(), ensure_ascii=False, indent=2))


@cli.command()
@config_option
def run(config: Path) -> None:
    """The daemon. Runs until SIGTERM; SIGHUP or saving the file reloads it.

    \b
    Example:  counter-agent run --config config.yaml
    """
    from agent.app import App  # noqa: PLC0415

    App(config).run()


@cli.command()
@config_option
@click.option("--at", "at", metavar='"YYYY-MM-DD HH:MM"', help="The minute, by the counter's clock; now unless said.")
@click.option("--unsure", "is_unsure", is_flag=True, help="As if the box were not sure of the time.")
@json_option
def plan(config: Path, *, at: str | None, is_unsure: bool, as_json: bool) -> None:
    """What the screen would play at a minute, in which order, and why everything else is out.

    \b
    Example:  counter-agent plan --at "2027-02-05 08:00"
    """
    from agent.screen.explain import explain  # noqa: PLC0415
    from agent.settings.load import load  # noqa: PLC0415

    settings = load(config)
    now = datetime.now(settings.counter.zone)
    try:
        moment = datetime.strptime(at, "%Y-%m-%d %H:%M").replace(tzinfo=settings.counter.zone) if at else now
    except ValueError as error:
        raise click.UsageError(f'--at: not "{at}" but year-month-day hour:minute: "2027-02-05 08:00"') from error
    found = explain(settings, moment, now=now, is_trusted=not is_unsure)
    click.echo(json.dumps(found.payload(), ensure_ascii=False) if as_json else found.text())


@cli.command()
@config_option
@click.option(
    "--paper",
    type=click.Choice(["A4", "A5", "A6"], case_sensitive=False),
    default="A5",
    show_default=True,
    help="Its size.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file, .pdf or .png.")
@click.option(
    "--distance",
    "distance_m",
    type=click.FloatRange(0.1, 10),
    default=0.4,
    show_default=True,
    help="Metres from which people scan: refused when the code would be too small.",
)
def sticker(config: Path, *, paper: str, out: Path | None, distance_m: float) -> None:
    """Make the printed QR for the counter: a PDF or PNG to stick beside the window.

    What comes through a printed code is a channel of its own and never part of the index.

    \b
    Example:  counter-agent sticker --paper A4 --out counter-1.pdf
    """
    from agent.screen.print import print_sticker  # noqa: PLC0415
    from agent.settings.load import load  # noqa: PLC0415

    click.echo(print_sticker(load(config), file=config, paper=paper, out=out, distance_m=distance_m))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--heads",
    "head_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of heads that somebody else holds: watermarks, or what verify --json printed. May be repeated.",
)
@click.option("--head", "head_lines", multiple=True, help="The text of an inspection's QR code. May be repeated.")
@json_option
def verify(file: Path, *, head_files: tuple[Path, ...], head_lines: tuple[str, ...], as_json: bool) -> None:
    """Check the chain of every stream in FILE: an outbox, a province's store, or events one a line.

    Names the first break of each; exits 1 if there is one. Held against heads that somebody else has kept, it also
    finds a chain that was written anew, and events that were cut off its end.

    \b
    Example:  counter-agent verify /var/lib/counter-agent/outbox.db
              counter-agent verify copied.db --heads watermarks.json --head "MOTCUA1 na-0123 01J6X... record:9:Qw7..."
    """
    from agent.outbox.heads import heads_in, read_heads  # noqa: PLC0415
    from agent.verify import verify_file  # noqa: PLC0415

    try:
        heads = [head for line in head_lines for head in read_heads(line)]
    except ValueError as error:
        raise click.UsageError(f"--head: {error}") from error
    verdicts = verify_file(file, [*heads, *(head for path in head_files for head in heads_in(path))])
    for verdict in verdicts:
        if as_json:
            click.echo(json.dumps(verdict.payload(), ensure_ascii=False))
            continue
        dropped = f", {verdict.dropped} declared dropped" if verdict.dropped else ""
        what = "whole" if verdict.broken is None else f"BROKEN at {verdict.broken.seq}: {verdict.broken.reason}"
        numbers = f"{verdict.count} events, {verdict.first} to {verdict.last}{dropped}"
        held = f"; {verdict.heads} heads fit" if verdict.heads else ""
        click.echo(f"{'/'.join(verdict.place)}: {numbers}; head {verdict.head}{held}; {what}")
    sys.exit(any(verdict.broken for verdict in verdicts))


@cli.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--as",
    "form",
    type=click.Choice(["events", "ratings", "summary"]),
    default="events",
    show_default=True,
    help="Events one a line (for `verify` and the province), or a table of ratings or of days.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An outbox, a province's store or an earlier export; the configured outbox unless said.",
)
@config_option
def export(target: Path, form: str, store: Path | None, config: Path) -> None:
    """Write events to the file TARGET (- is standard output), beside the running agent.

    Tables are CSV for a spreadsheet, in the counter's language. Exits 1 if damaged events had to be left out.

    \b
    Example:  counter-agent export /media/usb/na-0123.ndjson
              counter-agent export --as summary days.csv
              counter-agent export --as ratings --store province.db ratings.csv
    """
    from agent.export import Form, export_of  # noqa: PLC0415

    made = export_of(config, store)
    if str(target) == "-":
        result = made.pour(sys.stdout.buffer, Form(form))
    else:
        result = made.write(target, Form(form))
        click.echo(made.words.text("export.done", target=target, lines=result.lines), err=True)
    if result.damaged:
        click.echo(made.words.text("export.damaged", damaged=result.damaged, source=made.source), err=True)
    sys.exit(result.damaged > 0)


@cli.command()
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]), required=False)
@config_option
def coverage(day: datetime | None, config: Path) -> None:
    """Print for what share of the opening hours of DAY (today unless said) there is valid video, and every gap.

    What was recorded and has expired is told apart from what was never recorded. Works beside the running agent.

    \b
    Example:  counter-agent coverage
              counter-agent coverage 2026-09-01
    """
    from agent.coverage import report  # noqa: PLC0415
    from agent.settings.load import load  # noqa: PLC0415

    settings = load(config)
    date = day.date() if day is not None else datetime.now(settings.counter.zone).date()
    for line in report(settings, date):
        click.echo(line)


@cli.command()
@click.option("--agent", default="http://127.0.0.1:8080", show_default=True, help="The agent's pages on this machine.")
@click.option("--browser", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Another Chromium.")
@click.option("--browser-flag", "flags", multiple=True, help="One more flag for the browser. May be repeated.")
def kiosk(agent: str, browser: Path | None, flags: tuple[str, ...]) -> None:
    """Show the screen on this machine's panel: starts the browser, watches it, switches the panel.

    Runs inside a graphical session, as a user of its own; reads no configuration.

    \b
    Example:  cage -- counter-agent kiosk
    """
    from agent.kiosk import run_kiosk  # noqa: PLC0415

    run_kiosk(agent, program=str(browser) if browser is not None else None, flags=flags)


@cli.group(cls=Examples)
def learn() -> None:
    """Have the box learn what a device sends."""


@learn.command("keypad")
@config_option
@click.option("--number", default=1, show_default=True, help="Which keypad of the file, from 1.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--print", "is_printed", is_flag=True, help="Only show what would be written.")
def learn_keypad(config: Path, number: int, *, yes: bool, is_printed: bool) -> None:
    """Press each key twice, from the worst level to the best: writes the keypad's `keys`.

    \b
    Example:  sudo counter-agent learn keypad
    """
    from agent.rating.keypad.learn import learn as run_learn  # noqa: PLC0415

    def confirm(question: str) -> bool:
        return not is_printed and (yes or click.confirm(question))

    run_learn(config, number, say=click.echo, confirm=confirm)


@cli.group(cls=Examples)
def media() -> None:
    """What the screen shows: bring pictures, films and documents."""


@media.command("import")
@config_option
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Only from a stick that holds the same key, in counter-agent/stick.key.",
)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def media_import(folder: Path, config: Path, key_file: Path | None) -> None:
    """Check the files in FOLDER, or in its folder `counter-agent`, and copy the good ones to the screen's folder.

    Says of each file whether it will be shown, and if not, why and what to do. Exits 1 if one was refused.

    \b
    Example:  sudo counter-agent media import /media/usb
    """
    from agent.screen.stick import carry_in  # noqa: PLC0415
    from agent.settings.load import load  # noqa: PLC0415

    settings = load(config)
    sys.exit(not carry_in(folder, settings.screen.media, settings.counter.language, key_file=key_file, say=click.echo))


@cli.group(cls=Examples)
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


if __name__ == "__main__":
    main()
