"""The configuration as frozen values: what the file may say, in which units, with which defaults.

Each section is a slice: services are built from slices and rebuilt when theirs changed (`==`).
Reading a file, and turning what is wrong in it into lines a technician can act on, is
`agent.settings.load`. In the file a driver's own keys stand beside `driver:`; here they are
`options`, an instance of that driver's `Options`.
"""

import hashlib
import json
import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationInfo, field_validator

from agent.rating.phone.sticker import sticker_address
from agent.rating.phone.token import TOKEN_LENGTH
from agent.rating.scale import VN4
from agent.screen.planning.calendar import Calendar
from agent.screen.theme import HIGH_CONTRAST, Theme
from agent.settings.content import Content
from agent.settings.holidays import Holidays, HolidaysField
from agent.settings.hours import Hours, office_hours
from agent.settings.playlist import OutsideHours, Playlist
from agent.settings.refusal import refuse
from agent.settings.scales import ScaleField
from agent.settings.words import (
    BROKER_PORTS,
    Address,
    AgentName,
    Broker,
    CameraName,
    Colour,
    CounterNetwork,
    FooterLine,
    KeyMap,
    LanguageCode,
    LogoFile,
    Loopback,
    Province,
    SecretFile,
    StatePath,
    Text,
    TimezoneName,
    WebAddress,
)
from drivers.base import Options

DEFAULT_THEME = Theme()
SAFE_AREA = 0.025
"""What a television may cut off at each edge; `.safe` in screen.css keeps it free."""


class Section(BaseModel):
    """A part of the file: frozen, and nothing unknown in it."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Counter(Section):
    """Which counter this is. The unit's codes and names are attributes; only `agent` identifies the box."""

    province: Province
    """Province code, two digits in quotes: "40" is Nghệ An."""
    agent: AgentName
    """Name of this box, printed on it: 3 to 32 of a-z, 0-9 and -. Also its MQTT user name and client id."""
    commune: Annotated[str, Field(max_length=32)] = ""
    """The unit's administrative code today, in quotes."""
    name: Text = ""
    """The unit's name as citizens read it."""
    number: int = Field(default=1, ge=1, le=99)
    """Number of the counter within the unit."""
    hotlines: tuple[Text, ...] = Field(default=(), max_length=5)
    """Telephone numbers shown on the screen, each in quotes."""
    language: LanguageCode = "vi"
    """Language of what the box says to technicians."""
    hours: Hours = Field(default_factory=office_hours)
    """Opening hours: days mon..sun and ranges of them, spans "HH:MM-HH:MM" up to "24:00"."""
    holidays: HolidaysField = Holidays()
    """Days that are unlike their weekday: vn (the public holidays of Vietnam, lunar Tết and days worked in place of
    others included), none, or a list of vn and days of one's own: 2027-01-20, or {date, name, hours}."""
    timezone: TimezoneName = "Asia/Ho_Chi_Minh"
    """Time zone by its IANA name."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """The counter's time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def calendar(self) -> Calendar:
        """When the counter is open: its hours and its holidays."""
        return Calendar(self.hours, self.holidays, self.zone, self.language)


class Uplink(Section):
    """The way to the province."""

    broker: Broker
    """MQTT broker: mqtts://host:port (encrypted, 8883 unless said) or mqtt://host:port (1883)."""
    username: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """MQTT user name; counter.agent unless said."""
    password_file: SecretFile | None = None
    """File with the MQTT password on its first line. %d/… is systemd's credentials directory."""
    ca_file: SecretFile | None = None
    """Certificate of the authority that signed the broker's (PEM); the system's authorities unless said."""
    certificate_file: SecretFile | None = None
    """This box's certificate (PEM), together with key_file: mutual TLS."""
    key_file: Annotated[SecretFile | None, Field(validate_default=True)] = None
    """The certificate's private key (PEM)."""
    acknowledge: Literal["province", "broker"] = "province"
    """Who must confirm before an event counts as delivered. broker is weaker: for a province with no receiver."""
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    """MQTT version; auto tries 5 first."""
    batch: Literal["auto", "never"] = "auto"
    """Whether a backlog may travel as compressed batches."""

    @field_validator("ca_file", "certificate_file")
    @classmethod
    def _needs_tls(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        broker = info.data.get("broker", "")
        if path is not None and broker.startswith("mqtt://"):
            raise refuse("tls_without_mqtts", suggestion=f"mqtts://{Address.split(broker[7:], 8883).host}:8883")
        return path

    @field_validator("key_file")
    @classmethod
    def _with_its_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if "certificate_file" in info.data:
            certificate = info.data["certificate_file"]
            if key is not None and certificate is None:
                raise refuse("pair_missing", seen="key_file", other="certificate_file")
            if key is None and certificate is not None:
                raise refuse("pair_missing", at=["..", "certificate_file"], seen="certificate_file", other="key_file")
        return key

    @property
    def is_encrypted(self) -> bool:
        return self.broker.startswith("mqtts://")

    @property
    def address(self) -> Address:
        """The broker's host and port."""
        scheme, _, rest = self.broker.partition("://")
        return Address.split(rest, BROKER_PORTS[scheme])


class Outbox(Section):
    """The store of events that wait for the province."""

    path: StatePath = Path("/var/lib/counter-agent/outbox.db")
    """SQLite file on a disk that survives power cuts."""
    limit_mb: int = Field(default=512, ge=8, le=1_048_576)
    """Largest size, in MB."""
    keep_days: int = Field(default=90, ge=0, le=3650)
    """Days an event stays after the province has stored it. With 0 a day's figures may be made without some ratings."""


class Privacy(Section):
    """The ballot box: nobody may find out who gave which rating."""

    bucket_min: int = Field(default=15, ge=0, le=60)
    """Minutes to which a rating's time is known. 0: no ballot box, every rating is an event at once, to the second."""
    release_min: int = Field(default=3, ge=1, le=10)
    """Ratings that look alike from outside leave the box together, at least so many; at midnight all do."""


class Rating(Section):
    """The rules of the desk."""

    scale: ScaleField = VN4
    """vn3, vn4, vn5, or levels spelled out from the worst (0) to the best."""
    correction_s: float = Field(default=4, ge=0, le=30)
    """Seconds in which a second press corrects the first."""
    lockout_s: float = Field(default=8, ge=0, le=120)
    """Seconds after a rating in which a further one is flagged."""
    max_per_hour: int = Field(default=40, ge=1, le=3600)
    """Ratings an hour one counter can honestly have; more are flagged."""
    privacy: Privacy = Privacy()
    """The ballot box."""


class Keypad(Section):
    """A device with keys."""

    driver: str
    """Which driver speaks to it."""
    options: SerializeAsAny[Options]
    """The driver's own keys (`port`, `baud`, …), checked by the driver's `Options`."""
    keys: KeyMap
    """What each key sends (hexadecimal, in quotes) or, where its keys have names, its name, and the level: "31": 3."""
    repeat_gap_ms: int = Field(default=300, ge=0, le=5000)
    """Milliseconds in which the same code again is the same press."""
    stuck_s: float = Field(default=10, gt=0, le=600)
    """Seconds of unbroken repeating after which a key counts as stuck."""


class Qr(Section):
    """The QR code citizens scan to rate on their own phone."""

    mode: Literal["portal", "local", "static"] = "static"
    """Who serves the rating page: the province's portal, this box on its own Wi-Fi (local), or either for an address
    that never changes, as on a sticker (static): a channel of its own, never part of the index."""
    url: WebAddress
    """Address of the rating page up to its last slash, the counter's own part follows; capitals keep the QR small."""
    secret_file: Annotated[SecretFile | None, Field(validate_default=True)] = None
    """File with the secret that signs what the QR says: 32 bytes or more, readable by nobody else (mode 600).
    The portal has the same one."""
    rotate_s: int = Field(default=60, ge=15, le=600, multiple_of=15)
    """Seconds after which the QR on the screen is another one; it is read half a minute longer."""

    @field_validator("url")
    @classmethod
    def _ends_where_the_token_begins(cls, url: str, info: ValidationInfo) -> str:
        if info.data.get("mode") != "static" and (not url.endswith("/") or "?" in url or "#" in url):
            raise refuse("qr_url_open", seen=url, suggestion=re.split("[?#]", url)[0].rstrip("/") + "/")
        return url

    @field_validator("secret_file")
    @classmethod
    def _is_there_to_sign(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is None and info.data.get("mode", "static") != "static":
            raise refuse("qr_secret", at=["..", "mode"], mode=info.data["mode"])
        return path

    @property
    def longest(self) -> str:
        """An address as long as the QR's ever is."""
        return sticker_address(self.url, "") if self.mode == "static" else self.url + "A" * TOKEN_LENGTH


Fraction = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Fraction, Fraction]
Polygon = Annotated[tuple[Point, ...], Field(min_length=3, max_length=64)]


class Record(Section):
    """What is kept of a camera's video, on this box only."""

    path: StatePath = Path("/var/lib/counter-agent/video")
    """Folder of the recordings; each camera has one of its own in it."""
    segment_s: int = Field(default=60, ge=5, le=3600)
    """Seconds of video in one file, up to the next key frame."""
    keep_days: int = Field(default=15, ge=1, le=365)
    """Days a recording stays."""
    limit_gb: float = Field(default=40, gt=0, le=100_000)
    """What the recordings may take together, in GB; the oldest go first."""
    jpeg_fps: float = Field(default=5, ge=0.1, le=60)
    """Of a camera that sends JPEG pictures (USB, MJPEG over HTTP), so many a second are kept."""
    encode: bool = False
    """Whether it is encoded anew, as H.264 with 12 pictures a second: for JPEG cameras, at a tenth of a core."""
    burn_masks: bool = False
    """Whether masks are filled in the recording too, which is encoded anew for it."""

    @property
    def limit_bytes(self) -> int:
        return round(self.limit_gb * 1e9)


class Visits(Section):
    """How people who come to the counter are counted."""

    area: Polygon | None = None
    """Where citizens stand, without the officer's place and the passage: a polygon of [x, y], fractions 0..1 of the
    picture from its upper left corner. Unless it is there, the whole picture counts."""


class Camera(Section):
    """A camera that looks at the counter."""

    name: CameraName
    """Name of the place it looks at: a-z, 0-9 and -."""
    driver: str
    """Which driver speaks to it."""
    options: SerializeAsAny[Options]
    """The driver's own keys (`source`, …), checked by the driver's `Options`."""
    egress: Literal["pixelated", "masked", "plain"] = "pixelated"
    """What may leave the box: people pixelated, only the masks hidden, or the plain picture."""
    masks: tuple[Polygon, ...] = Field(default=(), max_length=32)
    """Areas never shown: polygons of [x, y], fractions 0..1 of the picture from its upper left corner."""
    faces_model: StatePath | None = None
    """File of the YuNet face detector (ONNX): with it only people are pixelated, without it everything."""
    record: Record | None = None
    """Recording; nothing is recorded unless it is there. {} is enough."""
    analyse: bool = True
    """Whether the box looks at the pictures itself: who is there, what was done to the lens. false only records, with
    half the memory; with egress pixelated, every picture that leaves is then pixelated whole."""
    visits: Visits | None = Visits()
    """Visits are counted, without pictures; null: they are not."""


class Display(Section):
    """A small display that shows nothing but the rating QR."""

    driver: str
    """Which driver speaks to it."""
    options: SerializeAsAny[Options]
    """The driver's own keys (`device`, `port`, …), checked by the driver's `Options`."""


class Output(Section):
    """The panel that the screen is shown on."""

    orientation: Literal["landscape", "portrait"] = "landscape"
    """How it hangs."""
    diagonal_inch: float | None = Field(default=None, ge=3, le=200)
    """Its diagonal, in inches: with it `check` tells whether the QR can be scanned from where people stand."""
    scan_distance_m: float = Field(default=1.0, ge=0.1, le=10)
    """How far from it people stand when they scan, in metres."""
    power: Literal["dpms", "cec", "none", "sim"] = "none"
    """What switches the panel off at night and on half an hour before opening: dpms (the compositor), cec (the
    television, over HDMI), none (nothing does), or sim (only pretends)."""
    turn: Literal[0, 90, 180, 270] | None = None
    """Degrees clockwise by which the picture is turned; only with power: dpms. Unset: as the system turns it."""
    connector: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Where several outputs are: which, for dpms HDMI-A-1 (the first unless said), for cec /dev/cec1 (/dev/cec0)."""
    safe_area: bool = False
    """Whether everything keeps 2.5 % away from the edges, for a television that cuts them off."""

    @field_validator("turn")
    @classmethod
    def _is_turned_by_somebody(cls, turn: int | None, info: ValidationInfo) -> int | None:
        if turn is not None and info.data.get("power", "dpms") != "dpms":
            raise refuse("turn_without_dpms")
        return turn

    @property
    def share(self) -> float:
        """How much of the panel's width and height is drawn on."""
        return 1 - 2 * SAFE_AREA if self.safe_area else 1


class Colours(Section):
    """The unit's colours, each "#rrggbb" in quotes. `check` refuses those in which people could not read."""

    ground: Colour = DEFAULT_THEME.ground
    """Behind everything that plays."""
    band: Colour = DEFAULT_THEME.band
    """Header and footer."""
    text: Colour = DEFAULT_THEME.text
    """Words on both."""
    soft: Colour = DEFAULT_THEME.soft
    """Words that step back: labels, the date."""
    accent: Colour = DEFAULT_THEME.accent
    """The hotline's pill, the greeting, the line under the header."""
    on_accent: Colour = DEFAULT_THEME.on_accent
    """Words on the pill."""
    thanks: Colour = DEFAULT_THEME.thanks
    """Behind the thank-you, whose words are white."""


class Look(Section):
    """How the screen looks."""

    colours: Colours = Colours()
    """The unit's colours."""
    logo: LogoFile | None = None
    """Picture at the upper left, SVG or PNG best: the identity of one-stop units, an emblem. None unless said."""
    high_contrast: bool = False
    """Black, white and yellow without gradients, in the place of the unit's colours."""


class Screen(Section):
    """The screen that citizens see."""

    media: StatePath = Path("/var/lib/counter-agent/media")
    """Folder of the pictures, films and documents to show."""
    playlist: Playlist | None = None
    """What plays, in this order: files of the folder by name, PDFs, and notices in words. Every file of the folder in
    the order of their names unless said."""
    outside_hours: OutsideHours = OutsideHours()
    """What is shown while the counter is closed."""
    output: Output = Output()
    """The panel."""
    theme: Look = Look()
    """How it looks."""
    content: Content | None = None
    """What the province may put on it: sets of files that it signs. Nothing unless it is there."""
    footer: tuple[FooterLine, ...] = Field(default=(), max_length=12)
    """Short lines that take turns at the foot of the screen, beside the hotline: 9 s each, with the opening hours."""

    @property
    def drawn(self) -> Theme:
        """How the page draws it."""
        theme = HIGH_CONTRAST if self.theme.high_contrast else Theme(**self.theme.colours.model_dump())
        return replace(theme, logo=self.theme.logo, is_safe=self.output.safe_area)


class Web(Section):
    """The box's own pages."""

    listen: Loopback = "127.0.0.1:8080"
    """Address and port on this machine only: 127.0.0.1:8080. Port 0 takes a free one."""
    counter_network: CounterNetwork | None = None
    """Address and port of this box on the counter's own Wi-Fi: 192.168.4.1:8081. The rating page for phones is served
    there, and nothing else."""

    @property
    def address(self) -> Address:
        return Address.split(self.listen)


MOST_DEVICES = 16
"""Keypads, cameras, and displays, that one counter can have of each."""


class Settings(Section):
    """Everything one counter is told."""

    counter: Counter
    uplink: Uplink
    outbox: Outbox = Outbox()
    rating: Rating = Rating()
    keypads: tuple[Keypad, ...] = Field(default=(), max_length=MOST_DEVICES)
    qr: Qr | None = None
    displays: tuple[Display, ...] = Field(default=(), max_length=MOST_DEVICES)
    cameras: tuple[Camera, ...] = Field(default=(), max_length=MOST_DEVICES)
    screen: Screen = Screen()
    web: Web = Web()

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits over the validated values: equal settings, equal digest, however they are written."""
        body = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return hashlib.sha256(body.encode()).hexdigest()[:16]


RESTART_ONLY = (("counter", "province"), ("counter", "agent"), ("outbox", "path"))
"""Values a running agent keeps: they name it to the province, and the file its events are in."""


def changed_sections(old: Settings, new: Settings) -> set[str]:
    """The top-level keys whose values differ: what has to be rebuilt."""
    return {name for name in Settings.model_fields if getattr(old, name) != getattr(new, name)}
