"""The configuration as frozen values: what the file may say, in which units, with which defaults.

Each section is a slice: services are built from slices and rebuilt when theirs changed (`==`).
Reading a file, and turning what is wrong in it into lines a technician can act on, is
`agent.settings.load`.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers.base import Options


class Section(BaseModel):
    """A part of the file: frozen, and nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Counter(Section):
    province: str = Field(pattern=r"^\d{2}$")
    agent: str = Field(pattern=r"^[a-z0-9-]{3,32}$")
    commune: str = ""
    name: str = ""
    number: int = Field(default=1, ge=1, le=99)
    hotlines: tuple[str, ...] = ()
    language: str = "vi"
    timezone: str = "Asia/Ho_Chi_Minh"


class Uplink(Section):
    broker: str
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    acknowledge: Literal["province", "broker"] = "province"
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    batch: Literal["auto", "never"] = "auto"


class Outbox(Section):
    path: Path = Path("/var/lib/counter-agent/outbox.db")
    limit_mb: int = Field(default=512, ge=8)
    keep_days: int = Field(default=90, ge=0)


class Rating(Section):
    scale: str = "vn4"
    """vn3 | vn4 | vn5, or levels spelled out: see `agent.rating.scale`."""
    correction_s: float = Field(default=4, ge=0, le=30)
    lockout_s: float = Field(default=8, ge=0, le=120)
    max_per_hour: int = Field(default=40, ge=1)


class Keypad(Section):
    driver: str
    options: Options
    """The driver's own keys (`port`, `baud`, …), checked by the driver's `Options`."""
    keys: dict[str, int]
    """Payload in lower-case hex -> level."""
    repeat_gap_ms: int = Field(default=300, ge=0)
    stuck_s: float = Field(default=10, gt=0)


class Qr(Section):
    mode: Literal["static"] = "static"
    url: str


class Camera(Section):
    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    driver: str
    options: Options
    egress: Literal["pixelated", "masked", "plain"] = "pixelated"
    masks: tuple[tuple[tuple[float, float], ...], ...] = ()


class Screen(Section):
    media: Path = Path("/var/lib/counter-agent/media")


class Web(Section):
    listen: str = "127.0.0.1:8080"


class Settings(Section):
    counter: Counter
    uplink: Uplink
    outbox: Outbox = Outbox()
    rating: Rating = Rating()
    keypads: tuple[Keypad, ...] = ()
    qr: Qr | None = None
    cameras: tuple[Camera, ...] = ()
    screen: Screen = Screen()
    web: Web = Web()
