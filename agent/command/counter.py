"""The commands of a counter's box, and of whoever checks what it keeps."""

import faulthandler
import json
import sys
from datetime import datetime
from pathlib import Path

import click

from agent.command.options import EX_CONFIG, Examples, config_option, json_option
from agent.settings.problem import SettingsError


@click.command()
def demo() -> None:
    """The whole thing on this machine: counter, broker and province, with one address to open.

    \b
    Example:  counter-agent demo
    """
    from agent.demo import run  # noqa: PLC0415 - commands import what they need

    run()


@click.command()
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


@click.command()
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


@click.command()
@config_option
def run(config: Path) -> None:
    """The daemon. Runs until SIGTERM; SIGHUP or saving the file reloads it.

    \b
    Example:  counter-agent run --config config.yaml
    """
    faulthandler.enable()  # systemd aborts what hangs: where each thread was is in the log then
    from agent.app import App  # noqa: PLC0415

    App(config).run()


@click.command()
@config_option
@click.option("--at", "at", metavar='"YYYY-MM-DD HH:MM"', help="The minute, by the counter's clock; now unless said.")
@click.option("--unsure", "is_unsure", is_flag=True, help="As if the box were not sure of the time.")
@json_option
def plan(config: Path, *, at: str | None, is_unsure: bool, as_json: bool) -> None:
    """What the screen would play at a minute, in which order, and why everything else is out.

    \b
    Example:  counter-agent plan --at "2027-02-05 08:00"
    """
    from agent.screen.planning.explain import explain  # noqa: PLC0415
    from agent.settings.load import load  # noqa: PLC0415

    settings = load(config)
    now = datetime.now(settings.counter.zone)
    try:
        moment = datetime.strptime(at, "%Y-%m-%d %H:%M").replace(tzinfo=settings.counter.zone) if at else now
    except ValueError as error:
        raise click.UsageError(f'--at: not "{at}" but year-month-day hour:minute: "2027-02-05 08:00"') from error
    found = explain(settings, moment, now=now, is_trusted=not is_unsure)
    click.echo(json.dumps(found.payload(), ensure_ascii=False) if as_json else found.text())


@click.command()
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
    from agent.screen.code.print import print_sticker  # noqa: PLC0415
    from agent.settings.load import load  # noqa: PLC0415

    click.echo(print_sticker(load(config), file=config, paper=paper, out=out, distance_m=distance_m))


@click.command()
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


@click.command()
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


@click.command()
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


@click.command()
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


@click.group(cls=Examples)
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


@click.group(cls=Examples)
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
    from agent.screen.media.stick import carry_in  # noqa: PLC0415
    from agent.settings.load import load  # noqa: PLC0415

    settings = load(config)
    sys.exit(not carry_in(folder, settings.screen.media, settings.counter.language, key_file=key_file, say=click.echo))
