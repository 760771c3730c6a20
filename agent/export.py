"""`counter-agent export`: events to a file. For programs exactly as they are, for people as tables.

Reads an outbox (beside the running agent), a province's store or an earlier export, and never writes to it. `events`
are the very bytes, one event a line: what is carried by hand is what would have been sent, and `verify` reads it.
`ratings` is one line for each citizen's rating with nothing that is not in `RATING_COLUMNS`; `summary` one line for
each day, by the code of the daily summary. What waits in the ballot box is in none of them.

Tables are UTF-8 with a byte order mark, so that a spreadsheet shows Vietnamese; a text that it would take for a
formula gets an apostrophe before it. The file is whole or not there.
"""

import csv
import io
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from agent.alive import read_mark
from agent.errors import PersonMustAct
from agent.language import Language, language
from agent.rating.figures.daybook import Ballot, Daybook
from agent.rating.figures.ledger import open_in
from agent.rating.figures.outages import OutageCause
from agent.rating.figures.summary import SummaryData, Terms, read_summary, summarise
from agent.rating.record import Channel, Flag, Reason
from agent.rating.scale import SCALES, Scale
from agent.settings.load import load
from agent.today import terms_of
from agent.verify import Row, rows

BOM = "\ufeff"
RATING_COLUMNS = (
    "agent",
    "counter",
    "commune",
    "date",
    "time",
    "channel",
    "level",
    "label",
    "first",
    "valid",
    "flags",
    "reasons",
    "comment",
    "number",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet may run: a comment that begins so is kept from it."""


class Form(StrEnum):
    """What is written."""

    EVENTS = "events"
    RATINGS = "ratings"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    lines: int
    damaged: int
    """Events that are not what was written, and were left out."""


@dataclass(frozen=True, slots=True)
class Export:
    """One export of the file at `source`."""

    source: Path
    words: Language
    agent: str = ""
    """Whose settings `terms` are."""
    terms: Terms | None = None

    def write(self, target: Path, form: Form) -> Result:
        """Write the file at *target*; it appears whole or not at all.

        Raises:
            PersonMustAct: the source cannot be read, or the target cannot be written.
        """
        draft = target.with_name(f".{target.name}.part")
        try:
            with draft.open("wb") as file:
                result = self.pour(file, form)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except OSError as error:
            raise PersonMustAct(f"{error.filename or target}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        return result

    def pour(self, file: IO[bytes], form: Form) -> Result:
        """Write everything into the open *file*."""
        read = _Reading(self.source)
        if form is Form.EVENTS:
            lines = 0
            for row in read.sound():
                file.write(row.body + b"\n")
                lines += 1
            return Result(lines, read.damaged)
        books = self._books(read)
        if form is Form.RATINGS:
            columns: Sequence[str] = RATING_COLUMNS
            table = [self._rating(agent, book, ballot) for agent, book in books.items() for ballot in book.ballots]
        else:
            days = [(agent, day) for agent, book in books.items() for day in self.summaries(agent, book)]
            levels = max((len(day.levels) for _, day in days), default=0)
            columns = day_columns(levels)
            table = [[agent, *self._day(day, levels)] for agent, day in days]
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(self._header(column) for column in columns)
        writer.writerows([tame(cell) for cell in line] for line in table)
        file.write((BOM + out.getvalue()).encode())
        return Result(len(table), read.damaged)

    def _books(self, read: "_Reading") -> dict[str, Daybook]:
        """A daybook for each counter in the file."""
        books: dict[str, Daybook] = {}
        zone = self.terms.zone if self.terms is not None else None
        for row in read.sound():
            event = json.loads(row.body)
            if row.place.agent not in books:
                with suppress(ValueError, KeyError, TypeError):
                    zone_here = zone or datetime.fromisoformat(event["time"]).tzinfo or UTC
                    books[row.place.agent] = Daybook(zone_here)
            if row.place.agent in books:
                books[row.place.agent].take(event, row.body)
        return books

    def _header(self, column: str) -> str:
        """`level 3` -> "Mức 3", `outages keypad` -> "Số lần gián đoạn: Bàn phím"."""
        name, _, which = column.partition(" ")
        head = self.words.text(f"export.column.{name}")
        if not which:
            return head
        return f"{head} {which}" if which.isdigit() else f"{head}: {self.words.text(f'status.cause.{which}')}"

    # -- ratings -----------------------------------------------------------------------------------

    def _rating(self, agent: str, book: Daybook, ballot: Ballot) -> Sequence[object]:
        at = book.right(ballot.said)
        scale = self._scale(ballot)
        label = scale.levels[ballot.level].label(self.words) if scale is not None and ballot.level in scale else ""
        return (
            agent,
            ballot.counter,
            ballot.commune,
            at.date().isoformat(),
            f"{at:%H:%M}",
            _known(ballot.channel, Channel),
            ballot.level,
            label,
            ballot.first if ballot.first != ballot.level else "",
            self.words.text("status.yes" if ballot.is_counted else "status.no"),
            " ".join(_known(flag, Flag) for flag in ballot.flags),
            " ".join(_known(reason, Reason) for reason in ballot.reasons),
            " ".join(ballot.comment.split()),
            ballot.place[1],
        )

    def _scale(self, ballot: Ballot) -> Scale | None:
        if self.terms is not None:
            return self.terms.scale_of(ballot)
        return next((scale for scale in SCALES.values() if scale.hash == ballot.scale_hash), None)

    # -- days --------------------------------------------------------------------------------------

    def summaries(self, agent: str, book: Daybook) -> Iterator[SummaryData]:
        """The days of *book*: reckoned where the counter's settings are known, else as its events told them."""
        if self.terms is None or agent != self.agent:
            told = (read_summary(data) for _, data in sorted(book.summaries.items()))
            yield from (day for day in told if day is not None)
            return
        mark = read_mark(self.source.with_name("alive.json"))
        outages = [*book.outages, *(open_in(mark.outages) if mark is not None else ())]
        before: SummaryData | None = None
        for date in book.days():
            said = read_summary(book.summaries.get(date, {}))
            day = summarise(
                date,
                book,
                self.terms,
                outages=outages,
                until=datetime.now(self.terms.zone),
                counting=said.visits or () if said is not None else (),
                before=before,
            )
            before = _as_told(day, said)
            yield before

    def _day(self, day: SummaryData, most_levels: int) -> Iterator[object]:
        counts: list[int | str] = [level.count for level in day.levels]
        satisfied, response, silence = day.satisfied, day.response, day.silence
        yield from (day.counter, day.commune, day.date.isoformat(), day.raw, day.valid)
        yield from (counts + [""] * most_levels)[:most_levels]
        yield from (satisfied.count, satisfied.of)
        yield self._number(satisfied.percent) if satisfied.is_enough else self.words.text("export.not_enough")
        yield from (self._number(satisfied.low), self._number(satisfied.high))
        yield from (response.transactions, self._number(response.percent), response.needed) if response else [""] * 3
        yield from (day.upgrades, day.downgrades, day.bursts, day.low_ratings)
        yield round(silence.seconds / 60) if silence is not None else ""
        yield self._number(day.availability.percent)
        for cause in OutageCause:
            outage = day.outages.get(cause)
            yield from (outage.count, round(outage.opening_s / 60)) if outage is not None else (0, 0)
        yield "; ".join(f"{name} {self._number(each.percent)}" for name, each in (day.coverage or {}).items())
        yield "; ".join(f"{name} {each.count}" for name, each in (day.visits or {}).items())
        yield _pairs(day.flags)
        yield "; ".join(f"{name} {each.valid}/{each.raw}" for name, each in day.channels.items())
        yield _pairs(day.reasons)
        yield "; ".join(f"{each.hour}h {'–' if each.count is None else each.count}" for each in day.hours)
        yield from (day.late or 0, day.integrity.missing or 0)
        yield from (day.integrity.clock_steps, day.integrity.keymap_changes)
        yield day.integrity.head.hash if day.integrity.head is not None else ""

    def _number(self, value: float | None) -> str:
        """A percentage as the counter's language writes it."""
        return "" if value is None else str(value).replace(".", self.words.text("status.decimal"))


def _as_told(day: SummaryData, said: SummaryData | None) -> SummaryData:
    """*day* with what only the event can know: what was there when it was made, and what came late."""
    head, missing = (said.integrity.head, said.integrity.missing) if said is not None else (None, None)
    integrity = day.integrity.model_copy(update={"head": head, "missing": missing})
    told = {"late": said.late, "coverage": said.coverage} if said is not None else {"late": None}
    return day.model_copy(update={"integrity": integrity, **told})


def day_columns(levels: int) -> tuple[str, ...]:
    """The columns of a day on a scale of so many *levels*."""
    outages = (f"{word} {cause}" for cause in OutageCause for word in ("outages", "outage_minutes"))
    return (
        *("agent", "counter", "commune", "date", "raw", "valid"),
        *(f"level {level}" for level in range(levels)),
        *("satisfied", "of", "percent", "low", "high", "transactions", "response", "needed"),
        *("upgrades", "downgrades", "bursts", "low_ratings", "silence", "availability"),
        *outages,
        *(
            "coverage",
            "visits",
            "flags",
            "channels",
            "reasons",
            "hours",
            "late",
            "missing",
            "clock_steps",
            "keymap_changes",
            "head",
        ),
    )


def tame(cell: object) -> object:
    """*cell*, harmless in a spreadsheet."""
    if isinstance(cell, str) and (cell.startswith(FORMULA) or cell.lstrip().startswith(FORMULA)):
        return f"'{cell}"
    return cell


def _known(word: str, words: type[StrEnum]) -> str:
    """*word* if it is one of *words*: nothing else leaves in its column."""
    return word if word in set(words) else "?"


def _pairs(counts: dict[str, int]) -> str:
    return "; ".join(f"{name} {count}" for name, count in counts.items())


def export_of(config: Path, store: Path | None) -> Export:
    """The export of *store*, or of the outbox that *config* names; without a configuration, in Vietnamese.

    Raises:
        SettingsError: the configuration cannot be used, though it is there or needed.
        PersonMustAct: there is no outbox yet.
    """
    if store is not None and not config.exists():
        return Export(store, language("vi"))
    settings = load(config)
    source = store or settings.outbox.path
    if not source.exists():
        raise PersonMustAct(f"{source} is not there: the agent has not run with this configuration yet")
    return Export(source, language(settings.counter.language), settings.counter.agent, terms_of(settings))


class _Reading:
    """One pass over the events of a file."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self.damaged = 0

    def sound(self) -> Iterator[Row]:
        """Every event that is what was written.

        Raises:
            PersonMustAct: the file cannot be read.
        """
        try:
            for row in rows(self._source):
                if row.is_sound and isinstance(row.body, bytes):
                    yield row
                else:
                    self.damaged += 1
        except sqlite3.Error as error:
            raise PersonMustAct(f"{self._source}: {error}") from error
