"""`screen.playlist` as the file says it: what plays, when, and how often. Also what stands there outside hours.

playlist:
  - {file: dinh-danh.jpg, weight: 2}
  - {file: huong-dan.pdf, seconds: 20, days: [mon-fri], hours: ["07:00-11:30"]}
  - {file: tet.mp4, layout: full, from: 2027-01-20, until: 2027-02-10}
  - notice: {title: Nghỉ Tết, lines: [Từ 04/02 đến 10/02]}
    until: 2027-02-10

Days and hours are written as in `counter.hours`, dates with or without quotes. A file's name is not looked for here:
files come and go while the agent runs.
"""

import unicodedata
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from agent.screen.scene import MOST_LINES, Layout
from agent.settings.dates import Day
from agent.settings.hours import DAYS, Days, Spans, days_in
from agent.settings.refusal import refuse
from agent.settings.words import NoticeLine, NoticeTitle

MOST_ITEMS = 200


def _file(name: str) -> str:
    name = unicodedata.normalize("NFC", name)
    last = name.rstrip("/").rpartition("/")[2]
    if "/" in name or last in (".", "..") or not last:
        raise refuse("playlist_path", seen=name, suggestion=last if last not in ("", ".", "..") else "poster.jpg")
    if name.startswith("."):
        raise refuse("playlist_hidden", seen=name)
    return name


FileName = Annotated[str, Field(max_length=255), AfterValidator(_file)]


class Words(BaseModel):
    """A notice in words, drawn in the unit's own template."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    title: NoticeTitle
    """The one thing it says."""
    lines: Annotated[tuple[NoticeLine, ...], Field(max_length=MOST_LINES)] = ()
    """What to know besides, a line each."""


class PlaylistItem(BaseModel):
    """Something that plays."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", allow_inf_nan=False)

    file: FileName | None = None
    """A picture, film or PDF in the folder screen.media, by its name. Of a PDF every page plays, one after another."""
    notice: Words | None = None
    """In the place of a file: a notice in words."""
    seconds: float | None = Field(default=None, ge=3, le=600)
    """How long it stands: 12 unless said; a notice as long as it takes to read. A film is as long as it is."""
    layout: Layout = "stage"
    """stage: beside the rating QR. full: over the whole screen, with a small QR in its corner."""
    first: Day | None = Field(default=None, alias="from", description="The first day on which it plays.")
    until: Day | None = None
    """The last day on which it plays."""
    days: Annotated[tuple[Days, ...], Field(max_length=7)] = ()
    """Days of the week on which it plays, as in counter.hours: [mon-fri]. Every day unless said."""
    hours: Annotated[Spans, Field(max_length=24)] = ()
    """Times of day at which it plays, as in counter.hours: ["07:00-11:30"]. All day unless said."""
    weight: int = Field(default=1, ge=1, le=10)
    """How many times it plays in a round in which an item of weight 1 plays once."""

    @property
    def weekdays(self) -> frozenset[int]:
        """The days of the week on which it plays, Monday is 0; none: every day."""
        return frozenset(DAYS.index(day) for key in self.days for day in days_in(key))

    @model_validator(mode="after")
    def _is_one_thing_that_plays_some_day(self) -> Self:
        if self.file is not None and self.notice is not None:
            raise refuse("playlist_two", at=["notice"])
        if self.file is None and self.notice is None:
            raise refuse("playlist_none")
        if self.first is not None and self.until is not None:
            if self.until < self.first:
                raise refuse("playlist_over", at=["until"], seen=str(self.until), first=str(self.first))
            length = (self.until - self.first).days
            ever = {(self.first + timedelta(days=step)).weekday() for step in range(min(length, 6) + 1)}
            if self.days and not ever & self.weekdays:
                names = ", ".join(DAYS[day] for day in sorted(ever))
                raise refuse("playlist_no_day", at=["days"], days=names)
        return self


class OutsideHours(BaseModel):
    """What the screen shows while the counter is closed."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    show: Literal["closed", "playlist"] = "closed"
    """closed: that it is closed, and when it opens. playlist: what plays during hours."""
    before_min: int = Field(default=15, ge=0, le=720)
    """Minutes before opening at which the screen is as during hours."""
    after_min: int = Field(default=15, ge=0, le=720)
    """Minutes after closing for which it still is."""

    @property
    def early(self) -> timedelta:
        return timedelta(minutes=self.before_min)

    @property
    def late(self) -> timedelta:
        return timedelta(minutes=self.after_min)


Playlist = Annotated[tuple[PlaylistItem, ...], Field(max_length=MOST_ITEMS)]
