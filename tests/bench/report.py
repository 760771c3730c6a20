"""The table, on a terminal and in `bench/results.md`."""

from collections.abc import Sequence

from tests.bench.figures import Row

HEAD = ("what", "here", "beside it, in the same run", "ratio (middle half)", "to reach", "")
VERDICT = {True: "reached", False: "NOT reached", None: ""}


def cells(row: Row) -> tuple[str, ...]:
    return row.what, row.here, row.beside, str(row.ratio or ""), row.reach, VERDICT[row.reached]


def markdown(rows: Sequence[Row], *, machine: str, load: str, notes: Sequence[str]) -> str:
    """The whole of `bench/results.md`."""
    lines = [
        "# Measured beside floors and rivals",
        "",
        "Written by `make bench`. Every figure and what it is held against were taken in turns in one run; a ratio is",
        "the median of such pairs, with the middle half of them behind it. Trust ratios and counts, not times.",
        "",
        f"Machine: {machine}. Load while measuring: {load}.",
        "",
        *_table(HEAD, [cells(row) for row in rows]),
        *(("", "Not measured here:", "", *(f"- {note}" for note in notes)) if notes else ()),
    ]
    return "\n".join(lines) + "\n"


def _table(head: tuple[str, ...], body: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]

    def line(texts: tuple[str, ...]) -> str:
        return "| " + " | ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)) + " |"

    return [line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, body)]
