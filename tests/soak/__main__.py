"""`make soak`: SOAK_MINUTES of random faults at once, ten unless said; `--seed` repeats one."""

import os
import secrets
import sys
import tempfile
from pathlib import Path

import click

from tests.soak.chaos import soak


@click.command()
@click.option("--minutes", type=float, default=lambda: float(os.environ.get("SOAK_MINUTES", "10")), show_default="10")
@click.option("--seed", type=int, help="Repeat the faults of an earlier run.")
def main(minutes: float, seed: int | None) -> None:
    """Let everything go wrong at once, then settle the books."""
    seed = secrets.randbelow(2**32) if seed is None else seed
    print(f"{minutes:g} minutes of everything at once, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            print(soak(Path(folder), minutes * 60, seed))
        except AssertionError as error:
            print(error)
            sys.exit(1)


if __name__ == "__main__":
    main()
