"""`python -m tests.bench [--quick] [--only NAME …]`: measures, prints each row when it is known, writes the table."""

import os
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path

import click

from tests.bench import machine
from tests.bench.figures import FULL, QUICK, NotPossible, Row
from tests.bench.measurements import MEASUREMENTS
from tests.bench.memory import NOWHERE, open_pages
from tests.bench.report import cells, markdown
from tests.story.counter import Counter

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results.md"


@click.command()
@click.option("--quick", is_flag=True, help="Smaller numbers; the table is printed and not kept.")
@click.option("--only", multiple=True, type=click.Choice(list(MEASUREMENTS)), help="Only these; not kept either.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=ROOT,
    help="On the disk to measure.",
)
def main(*, quick: bool, only: tuple[str, ...], folder: Path) -> None:
    """Measure the agent beside physical floors and other software."""
    rows: list[Row] = []
    notes: list[str] = []
    load = machine.load()
    scratch = Path(tempfile.mkdtemp(prefix=".bench-", dir=folder))
    try:
        compile_everything(scratch)
        for name in only or MEASUREMENTS:
            began = time.monotonic()
            here = scratch / name
            here.mkdir()
            try:
                for row in MEASUREMENTS[name](here, QUICK if quick else FULL):
                    rows.append(row)
                    click.echo("  ".join(cell for cell in cells(row) if cell))
            except NotPossible as reason:
                notes.append(f"{name}: {reason}")
                click.echo(f"{name}: not measured: {reason}")
            shutil.rmtree(here, ignore_errors=True)
            click.echo(f"[{name}: {time.monotonic() - began:.0f} s]", err=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    text = markdown(rows, machine=machine.name(folder), load=f"{load} before, {machine.load()} after", notes=notes)
    click.echo(f"\n{text}")
    if not (quick or only):
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text, encoding="utf-8")


def compile_everything(scratch: Path) -> None:
    """Let one agent run first, so that none is measured compiling: on a box, that is done when it is installed.

    The byte code of the processes started from here is kept away from the checkout.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(scratch / "compiled")
    with closing(Counter(scratch / "first", NOWHERE)) as counter:
        counter.start()
        counter.press()
        with open_pages(counter):
            pass


if __name__ == "__main__":
    main()
