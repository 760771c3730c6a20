"""`make soak`: SOAK_MINUTES of random faults at once, ten unless said; then SOAK_FAULTS of a camera, 500 unless said.

`--seed` repeats a run.
"""

import logging
import os
import secrets
import sys
import tempfile
from pathlib import Path

import click

from tests.soak.chaos import soak
from tests.surveillance.faults import torment

DRIFT_KIB = 5 * 1024


@click.command()
@click.option("--minutes", type=float, default=lambda: float(os.environ.get("SOAK_MINUTES", "10")), show_default="10")
@click.option("--faults", type=int, default=lambda: int(os.environ.get("SOAK_FAULTS", "500")), show_default="500")
@click.option("--seed", type=int, help="Repeat the faults of an earlier run.")
def main(minutes: float, faults: int, seed: int | None) -> None:
    """Let everything go wrong at once, then a camera in every way, and settle the books of both."""
    seed = secrets.randbelow(2**32) if seed is None else seed
    print(f"{minutes:g} minutes of everything at once, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            if minutes:
                print(soak(Path(folder), minutes * 60, seed))
            if faults:
                print(f"{faults} faults of a camera", flush=True)
                logging.getLogger("agent.surveillance").setLevel(logging.ERROR)  # it tells of each of them
                books = torment(Path(folder), faults, seed, slow_every=10)
                print(books)
                assert books.drift_kib < DRIFT_KIB, f"memory grew by {books.drift_kib} KiB"
        except AssertionError as error:
            print(error)
            sys.exit(1)


if __name__ == "__main__":
    main()
