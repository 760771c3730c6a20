"""Deliberately broken builds: what each of them breaks, and which tests must notice.

A test that has never failed proves nothing. Each build is a copy of the source with one line of its care taken
out, by replacements that must fit the source exactly once: one that no longer fits is an error, not a control.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("agent", "drivers", "tests", "config", "setup.cfg", "pyproject.toml")


@dataclass(frozen=True)
class Replacement:
    """In *file*, the text *old*, which stands there exactly once, becomes *new*."""

    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        path = root / self.file
        text = path.read_text(encoding="utf-8")
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.file} holds {self.old!r} {found} times, not once: the control must be cut anew")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class Build:
    """One broken build."""

    name: str
    replacements: tuple[Replacement, ...]
    caught_by: tuple[str, ...]
    """Tests, each of which must fail on this build and pass on the source as it is."""


def lay_out(root: Path, build: Build | None) -> Path:
    """Copy the source to *root*, broken as *build* says; None: as it is."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            root.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    for replacement in build.replacements if build is not None else ():
        replacement.apply(root)
    return root


CUTS = "tests/powercut/test_cuts.py::test"
DATABASE = "agent/outbox/database.py"
RATING = "agent/rating/service.py"
UPLINK, UPLINK_TESTS = "agent/uplink/connection.py", "tests/uplink/test_delivery.py::test"
LINKS = "agent/province/links.py"
PROVINCE, PROVINCE_TESTS = "agent/province/store.py", "tests/province/test_store.py::test"
CONFIRMS, CONFIRMED = "self._province_confirms", "            self._confirm("

_BUILDS = (
    Build(
        "synchronous=NORMAL",
        (
            Replacement(DATABASE, '"pragma synchronous = full"', '"pragma synchronous = normal"'),
            Replacement(DATABASE, '"pragma synchronous").fetchone()[0] != 2', '"pragma synchronous") is None'),
        ),
        (f"{CUTS}_nothing_thanked_for_is_lost_over_a_checkpoint",),
    ),
    Build(
        "thanks before commit",
        (
            Replacement(RATING, "stored_as = self._store(", "self._thank(arrival.keypad); stored_as = self._store("),
            Replacement(RATING, "                self._thank(arrival.keypad)\n", "                pass\n"),
        ),
        (
            f"{CUTS}_nothing_thanked_for_is_lost_over_a_checkpoint",
            "tests/rating/test_service.py::test_a_press_is_stored_and_only_then_thanked_for",
        ),
    ),
    Build(
        "deleted on PUBACK",
        (Replacement(UPLINK, f"if not {CONFIRMS}:\n{CONFIRMED}", f"if True:\n{CONFIRMED}"),),
        (
            f"{CUTS}_a_drain_removes_only_what_the_province_has",
            f"{UPLINK_TESTS}_a_confirmation_that_is_retained_foreign_or_nonsense_lets_go_of_nothing",
        ),
    ),
    Build(
        "no upsert at the province",
        (
            Replacement(PROVINCE, "if arrival.seq in here:", "if False:"),
            Replacement(PROVINCE, "insert or ignore into event values", "insert into event values"),
            Replacement(PROVINCE, ",\n                unique (agent, epoch, lane, seq)\n", "\n"),
        ),
        (f"{PROVINCE_TESTS}_in_any_order_and_any_number_of_times_each_is_stored_once_and_the_chain_holds",),
    ),
    Build(
        "wall-clock order at the counter",
        (
            Replacement(
                "agent/outbox/book.py",
                "from {stream.lane} where seq between ? and ? order by seq",
                "from {stream.lane} where seq between ? and ? order by json_extract(cast(body as text), '$.time')",
            ),
        ),
        ("tests/outbox/test_store.py::test_events_are_read_in_the_order_they_happened_whatever_the_clock_said",),
    ),
    Build(
        "wall-clock order at the province",
        (Replacement(PROVINCE, "and lane = ? order by seq", "and lane = ? order by time"),),
        (f"{PROVINCE_TESTS}_a_stream_is_in_the_order_of_its_numbers_whatever_the_clock_said",),
    ),
    Build(
        "no directory fsync",
        (Replacement("agent/files.py", "        raise\n    flush_folder(path.parent)\n", "        raise\n"),),
        (f"{CUTS}_files_the_agent_writes_are_the_old_or_the_new",),
    ),
    Build(
        "no row check",
        (Replacement("agent/outbox/rows.py", "isinstance(body, bytes) and zlib.crc32(body) == crc", "True"),),
        (
            "tests/outbox/test_store.py::test_a_damaged_row_is_noticed_when_it_is_read",
            "tests/outbox/test_damage.py::test_a_rotten_last_row_is_not_continued",
            "tests/test_verify.py::test_a_changed_row_is_named_by_its_checksum",
        ),
    ),
    Build(
        "chain not checked by verify",
        (Replacement("agent/outbox/chain.py", "if previous is not None and before != previous:", "if False:"),),
        (
            "tests/outbox/test_chain.py::test_a_changed_row_breaks_the_chain_at_the_one_after_it",
            "tests/test_verify.py::test_a_row_changed_with_its_checksum_is_named_by_its_successor",
        ),
    ),
    Build(
        "chain not checked by the province",
        (
            Replacement(LINKS, "if not _is_linked(arrival, before):", "if False:"),
            Replacement(LINKS, "if after is not None and ", "if False and "),
        ),
        ("tests/province/test_links.py::test_a_changed_event_is_found_by_its_successor_in_any_order_of_arrival",),
    ),
)
BUILDS = {build.name: build for build in _BUILDS}
