"""The kinds of values a configuration is made of: what each accepts, and how it says no.

Pure, but for the environment variable that says where systemd put the credentials. Everything here
is an annotated type for the models in `agent.settings.model`.
"""

import ipaddress
import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from agent.language import languages
from agent.screen.glyphs import missing, named
from agent.screen.scene import FOOTER_CHARACTERS, LINE_CHARACTERS, TITLE_CHARACTERS
from agent.settings.refusal import refuse

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
CREDENTIALS_DEFAULT = "/run/credentials/counter-agent.service"
"""Where systemd puts this service's credentials (systemd.exec(5)): `check` runs outside the service and must agree."""


def _province(text: str) -> str:
    if not re.fullmatch(r"[0-9]{2}", text):
        raise refuse("province", seen=text)
    return text


def _agent(text: str) -> str:
    if re.fullmatch(r"[a-z0-9-]{3,32}", text):
        return text
    better = _slug(text)
    if re.fullmatch(r"[a-z0-9-]{3,32}", better):
        raise refuse("agent_close", seen=text, suggestion=better)
    raise refuse("agent", seen=text)


def _camera_name(text: str) -> str:
    if re.fullmatch(r"[a-z0-9-]{1,32}", text):
        return text
    better = _slug(text)
    if re.fullmatch(r"[a-z0-9-]{1,32}", better):
        raise refuse("camera_name_close", seen=text, suggestion=better)
    raise refuse("camera_name", seen=text)


def _slug(text: str) -> str:
    bare = unicodedata.normalize("NFD", text[:64].lower().replace("đ", "d"))
    return re.sub(r"[^a-z0-9]+", "-", "".join(c for c in bare if not unicodedata.combining(c))).strip("-")


def _language(code: str) -> str:
    if code not in languages():
        raise refuse("language", seen=code, known=", ".join(languages()))
    return code


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        close = get_close_matches(name[:64], sorted(available_timezones()), n=1)
        offset = re.search(
            r"7|saigon|sai gon|sài gòn|hanoi|ha noi|hà nội|hcm|ho chi minh|vietnam|việt nam", name.lower()
        )
        suggestion = "Asia/Ho_Chi_Minh" if offset or not close else close[0]
        raise refuse("timezone", seen=name, suggestion=suggestion) from None
    return name


def _absolute(base: str) -> Callable[[Path], Path]:
    def check(path: Path) -> Path:
        if not path.is_absolute():
            raise refuse("path_relative", seen=str(path), suggestion=f"{base}/{path.name or 'file'}")
        return path

    return check


def expand_credential(value: Any) -> Any:
    """Put systemd's directory where a path begins with `%d/` or `$CREDENTIALS_DIRECTORY/`."""
    if isinstance(value, str):
        for mark in ("%d/", f"${CREDENTIALS_DIRECTORY}/", f"${{{CREDENTIALS_DIRECTORY}}}/"):
            if value.startswith(mark):
                return f"{os.environ.get(CREDENTIALS_DIRECTORY, CREDENTIALS_DEFAULT)}/{value.removeprefix(mark)}"
    return value


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port; `text` as written in the file."""

    host: str
    port: int

    @classmethod
    def split(cls, text: str, default_port: int | None = None) -> Self:
        """Take `host:port` or `[v6]:port` apart.

        Raises:
            ValueError: it is neither.
        """
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?", text)
        if match is None:
            raise ValueError(text)
        v6, host, port = match.groups()
        number = int(port) if port else default_port
        if number is None or number > 65535:
            raise ValueError(text)
        return cls(str(ipaddress.IPv6Address(v6)) if v6 else host, number)


BROKER_PORTS = {"mqtt": 1883, "mqtts": 8883}


def _broker(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise refuse("broker_scheme", seen=text, suggestion=f"mqtts://{text}")
    if scheme not in BROKER_PORTS:
        encrypted = scheme.lower() in ("mqtts", "ssl", "tls", "https", "wss")
        better = f"{'mqtts' if encrypted else 'mqtt'}://{rest}"
        raise refuse("broker_other_scheme", seen=scheme, suggestion=better)
    if "@" in rest:
        raise refuse("broker_user", suggestion=f"{scheme}://{rest.rpartition('@')[2]}")
    try:
        address = Address.split(rest.removesuffix("/"), BROKER_PORTS[scheme])
    except ValueError:
        raise refuse("broker_address", seen=text) from None
    if address.port == 0:
        raise refuse("broker_address", seen=text)
    return text.removesuffix("/")


def _loopback(text: str) -> str:
    try:
        address = Address.split(text)
    except ValueError:
        raise refuse("listen_address", seen=text) from None
    try:
        loopback = ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        loopback = address.host == "localhost"
    if not loopback:
        raise refuse("listen_loopback", seen=text, suggestion=f"127.0.0.1:{address.port}")
    return text


def _counter_network(text: str) -> str:
    try:
        address = Address.split(text)
        own = ipaddress.ip_address(address.host)
    except ValueError:
        raise refuse("network_address", seen=text) from None
    if own.is_unspecified or own.is_multicast or own.is_global or address.port == 0:
        raise refuse("network_address", seen=text)
    return text


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        complete = False
    if not complete or not text.isascii() or re.search(r"[\s<>\"\\^`{|}\x00-\x1f]", text):
        raise refuse("qr_url", seen=text)
    if len(text) > LONGEST_URL:
        raise refuse("qr_url_long", length=len(text), limit=LONGEST_URL)
    return text


LONGEST_URL = 200
"""Characters: a longer address makes a QR with modules too small for a cheap phone at arm's length."""


KEY_NAMES = "key_names"
"""The validation's context: names that the key map may use beside payloads, and what they stand for."""


def _names(info: ValidationInfo) -> Mapping[str, str]:
    return (info.context or {}).get(KEY_NAMES) or {}


def _payloads(keys: dict[str, int], info: ValidationInfo) -> dict[str, int]:
    payloads = {text: _names(info).get(text, text).lower() for text in keys}
    seen: dict[str, str] = {}
    for text, payload in payloads.items():
        if payload in seen:
            raise refuse("hex_twice", at=[text], seen=text, other=seen[payload])
        seen[payload] = text
    return {payloads[text]: level for text, level in keys.items()}


def _payload(text: str, info: ValidationInfo) -> str:
    names = _names(info)
    if text in names or re.fullmatch(r"([0-9A-Fa-f]{2}){1,64}", text):
        return text
    if names:
        seen = text[:64].upper()
        ends = sorted((name for name in names if seen and name.endswith(seen)), key=len)
        close = ends or get_close_matches(seen, names, n=1)
        example = close[0] if close else next(iter(names))
        raise refuse("key_name_close" if close else "key_name", seen=text, suggestion=example)
    bare = re.sub(r"^0x|\\x|[\s:,]", "", text.lower())
    if bare != text.lower() and re.fullmatch(r"([0-9a-f]{2}){1,64}", bare):
        raise refuse("hex_close", seen=text, suggestion=bare)
    if len(text) == 1 and text.isascii() and text.isprintable():
        raise refuse("hex_character", seen=text, suggestion=text.encode().hex())
    raise refuse("hex", seen=text)


def _read_by_citizens(text: str) -> str:
    composed = unicodedata.normalize("NFC", text).strip()
    lacking = missing(composed)
    if lacking:
        raise refuse("glyphs", characters=", ".join(map(named, lacking[:5])))
    return composed


def _colour(text: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", text):
        short = re.fullmatch(r"#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", text)
        digits = short[1] if short else ""
        suggestion = "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))
        raise refuse("colour_close" if short else "colour", seen=text, suggestion=suggestion)
    return text.lower()


def _logo(path: Path) -> Path:
    if path.suffix.lower() not in LOGO_SUFFIXES:
        raise refuse("logo", seen=path.name, known=", ".join(LOGO_SUFFIXES))
    return path


LOGO_SUFFIXES = (".svg", ".png", ".webp", ".jpg", ".jpeg")


def _pattern(pattern: str) -> Any:
    """For editors only: the validator beside it says more than "does not match"."""
    return Field(json_schema_extra={"pattern": pattern})


Province = Annotated[str, AfterValidator(_province), _pattern("^[0-9]{2}$")]
AgentName = Annotated[str, AfterValidator(_agent), _pattern("^[a-z0-9-]{3,32}$")]
CameraName = Annotated[str, AfterValidator(_camera_name), _pattern("^[a-z0-9-]{1,32}$")]
LanguageCode = Annotated[str, AfterValidator(_language), Field(json_schema_extra=lambda s: s.update(enum=languages()))]
TimezoneName = Annotated[str, AfterValidator(_timezone)]
Text = Annotated[str, Field(max_length=200), AfterValidator(_read_by_citizens)]
"""Text that citizens read: composed letters (NFC), no spaces around it, every character in the screen's font."""
FooterLine = Annotated[str, Field(min_length=1, max_length=FOOTER_CHARACTERS), AfterValidator(_read_by_citizens)]
NoticeTitle = Annotated[str, Field(min_length=1, max_length=TITLE_CHARACTERS), AfterValidator(_read_by_citizens)]
NoticeLine = Annotated[str, Field(max_length=LINE_CHARACTERS), AfterValidator(_read_by_citizens)]
Colour = Annotated[str, AfterValidator(_colour), _pattern("^#[0-9A-Fa-f]{6}$")]
LogoFile = Annotated[Path, AfterValidator(_absolute("/etc/counter-agent")), AfterValidator(_logo)]
SecretFile = Annotated[Path, BeforeValidator(expand_credential), AfterValidator(_absolute("/etc/counter-agent"))]
"""An absolute path; `%d/…` and `$CREDENTIALS_DIRECTORY/…` lead to systemd's credentials."""
StatePath = Annotated[Path, AfterValidator(_absolute("/var/lib/counter-agent"))]
Broker = Annotated[str, AfterValidator(_broker), _pattern("^mqtts?://[^@/]+/?$")]
Loopback = Annotated[str, AfterValidator(_loopback), _pattern(r"^(127\.[0-9.]+|localhost|\[[0:]*:0*1\]):[0-9]{1,5}$")]
CounterNetwork = Annotated[str, AfterValidator(_counter_network), _pattern(r"^([0-9.]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$")]
WebAddress = Annotated[str, AfterValidator(_web_address), _pattern("^[Hh][Tt][Tt][Pp][Ss]?://")]
Payload = Annotated[str, AfterValidator(_payload), _pattern("^([0-9A-Fa-f]{2})+$")]
KeyMap = Annotated[
    dict[Payload, int],
    Field(min_length=1, json_schema_extra={"additionalProperties": False}),
    AfterValidator(_payloads),
]
