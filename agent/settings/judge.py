"""From plain data to `Settings`: every section, item and key judged, none spared because another is wrong.

Values are checked strictly: what stands in quotes is text, what does not is what YAML takes it for.
A device's keys are split between the file format (`keys`, `name`, …) and its driver's `Options`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from agent.screen.code.legible import on_screen
from agent.screen.theme import faint
from agent.settings.as_in_file import AsInTheFile
from agent.settings.document import Document, Finding
from agent.settings.explain import Word, explain, locate, odd_number
from agent.settings.model import MOST_DEVICES, RESTART_ONLY, Qr, Rating, Screen, Settings
from agent.settings.problem import Path, shorten
from agent.settings.unknown import DEVICES, LATER_VALUES, SECTIONS, keys_of, unknown_key
from agent.settings.words import KEY_NAMES, expand_credential
from drivers import registry
from drivers.base import Driver, KeypadOptions

MOST = 100
"""Findings that are told: a file with more is not a configuration file."""
_LOOKED_AT = 10 * MOST
"""Errors of one section that are looked at; the others are only counted."""

Model = TypeVar("Model", bound=BaseModel)


def judge(document: Document, running: Settings | None = None) -> tuple[Settings | None, list[Finding]]:
    """The settings *document* stands for, or None and everything that speaks against it, in the order of the file.

    With *running* settings, values that only a restart may change have to stay as they run.
    """
    judgement = _Judgement(document)
    settings = judgement.settings(running)
    return (None if judgement.findings else settings), judgement.told()


class _Judgement:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._unknown = 0
        self._only_counted = 0
        self.findings = list(document.findings)

    def settings(self, running: Settings | None) -> Settings | None:
        document = self._document
        if not document.is_whole or document.unreadable & {()}:
            return None
        if not isinstance(document.data, dict):
            if document.data is None:  # after "---" it would begin on a line that is not there
                self.findings.append(Finding("empty_file", (), (1, 1), {}))
            else:
                self._find("not_a_map", (), seen=Word(f"seen_{document.place(()).kind}"))
            return None
        parts = self._parts(document.data)
        if self.findings:
            return None
        settings = Settings(**parts)
        for section, name in RESTART_ONLY if running is not None else ():
            now, new = getattr(getattr(running, section), name), getattr(getattr(settings, section), name)
            if now != new:
                self._find("restart_only", (section, name), seen=str(new), now=str(now))
        return settings

    def told(self) -> list[Finding]:
        """The findings in the order of the file, one for each place, none about what was refused as YAML."""
        refused = self._document.unreadable
        own = len(self._document.findings)
        heard = self.findings[:own] + [
            finding
            for finding in self.findings[own:]
            if not any(finding.path[:length] in refused for length in range(len(finding.path) + 1))
        ]
        # A key that needs quotes may be a wrong key as well; that is the better thing to say.
        first: dict[tuple[Any, ...], Finding] = {}
        for finding in sorted(heard, key=lambda finding: finding.code == "key_not_text"):
            first.setdefault((finding.position, finding.path), finding)
        told = sorted(first.values(), key=lambda finding: finding.position)
        if len(told) > MOST:
            told[MOST:] = [Finding("more", (), (0, 0), {"count": len(told) - MOST + self._only_counted})]
        return told

    def _parts(self, data: dict[str, Any]) -> dict[str, Any]:
        parts: dict[str, Any] = {}
        for key in data:
            if key not in SECTIONS:
                self._refuse_key((key,), keys_of(""))
        for name, model in SECTIONS.items():
            if not name or (data.get(name) is None and not Settings.model_fields[name].is_required()):
                continue
            if name not in data:
                self._find("missing_section", (name,), on_key=True, seen=name, needed=", ".join(_required(model)))
            elif name in DEVICES:
                parts[name] = self._devices(name, model, data[name])
            else:
                parts[name] = self._check(model, data[name] if data[name] is not None else {}, (name,))
        self._cross_check(data, parts.get("rating", Rating()))
        self._check_code(data, parts.get("qr"), parts.get("screen", Screen()))
        self._check_theme(parts.get("screen"))
        self._find_odd_numbers()
        return parts

    def _devices(self, section: str, model: type[BaseModel], items: Any) -> tuple[BaseModel | None, ...]:
        if not isinstance(items, list):
            self._find("want_devices", (section,), seen=section)
            return ()
        if len(items) > MOST_DEVICES:
            self._find("list_long", (section,), limit=MOST_DEVICES)
            return ()
        return tuple(self._device(section, model, item, (section, index)) for index, item in enumerate(items))

    def _device(self, section: str, model: type[Model], item: Any, path: Path) -> Model | None:
        if not isinstance(item, dict):
            self._find("want_device", path)
            return None
        known = keys_of(section)
        own = {key: value for key, value in item.items() if key in known}
        rest = {key: value for key, value in item.items() if key not in known}
        driver = self._driver(section, item.get("driver"), (*path, "driver"))
        kind = driver.Options if driver is not None else None
        # The options are judged by the driver; an empty `Options` keeps their place meanwhile.
        names = getattr(driver, "key_names", {})
        device = self._check(model, {**own, "options": {}}, path, context={KEY_NAMES: names})
        if kind is None:
            return None
        for key, value in rest.items():
            if key.endswith("_file"):
                rest[key] = expand_credential(value)
        options = self._check(kind, rest, path, known)
        if isinstance(options, KeypadOptions) and isinstance(item.get("keys"), dict):
            self._find_mute_keys(options, item["keys"], names, path)
        return device.model_copy(update={"options": options}) if device is not None and options is not None else None

    def _find_mute_keys(
        self, options: KeypadOptions, keys: dict[str, Any], names: Mapping[str, str], path: Path
    ) -> None:
        """Keys of the map that the keypad, with these options, can never send."""
        for text in keys:
            if re.fullmatch("([0-9A-Fa-f]{2})+", names.get(text, text)) and not options.can_send(
                names.get(text, text).lower()
            ):
                self._find("key_never", (*path, "keys", text), on_key=True, seen=shorten(text))

    def _driver(self, section: str, name: Any, path: Path) -> type[Driver] | None:
        """The driver called *name*; None when that was no name or there is none."""
        if not isinstance(name, str):
            return None
        kind = DEVICES[section]
        try:
            driver = registry.find(kind, name)
            _ = driver.Options
        except registry.UnknownDriver as unknown:
            close = Word("did_you_mean", {"suggestion": unknown.suggestion}) if unknown.suggestion else ""
            code = "later_driver" if name in LATER_VALUES.get((section, "driver"), ()) else "driver_unknown"
            known = ", ".join(unknown.known)
            self._find(code, path, seen=shorten(name), kind=Word(f"kind_{kind}"), close=close, known=known)
        except (ImportError, AttributeError) as broken:
            self._find("driver_broken", path, seen=shorten(name), text=shorten(str(broken), 200))
        else:
            return driver
        return None

    def _check(
        self,
        model: type[Model],
        data: Any,
        path: Path,
        others: list[str] | None = None,
        context: dict[str, Any] | None = None,
    ) -> Model | None:
        """*data* as a *model*, or None with findings. *others* are keys that may stand beside the model's."""
        try:
            return model.model_validate_json(json.dumps(data), strict=True, context=context)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            self._only_counted += len(errors[_LOOKED_AT:])
            for details in errors[:_LOOKED_AT]:
                if not _is_echo(details):
                    self._explain(details, path, model, others or [])
        return None

    def _explain(self, details: ErrorDetails, base: Path, model: type[BaseModel], others: list[str]) -> None:
        if details["type"] == "extra_forbidden":
            path, _ = locate(self._document, base, details["loc"])
            inside = details["loc"][:-1]
            self._refuse_key(path, [*([] if inside else others), *_fields_at(model, inside)])
            return
        finding = explain(details, self._document, base, model)
        section, name = str(base[0]), str(finding.path[-1])
        if finding.code == "missing" and name == "driver":
            values = {"known": ", ".join(registry.names(DEVICES[section]))}
            finding = Finding("driver_missing", finding.path, finding.position, values)
        elif finding.code == "choice" and self._document.place(finding.path).raw in LATER_VALUES.get(
            (section, name), ()
        ):
            finding = Finding("later_value", finding.path, finding.position, finding.values)
        self.findings.append(finding)

    def _refuse_key(self, path: Path, known: list[str]) -> None:
        self._unknown += 1
        code, values = unknown_key(path, known) if self._unknown <= MOST else ("unknown_none", {"seen": str(path[-1])})
        self._find(code, path, on_key=True, **values)

    def _cross_check(self, data: dict[str, Any], rating: Any) -> None:
        """What two places of the file have to agree on; read from the plain data, so that no other error hides it."""
        if isinstance(rating, Rating):
            for path, level in self._levels(data.get("keypads")):
                if level not in rating.scale:
                    self._find("level_unknown", path, seen=level, scale=rating.scale.id, best=rating.scale.best)
        names: dict[str, int] = {}
        for index, item in _maps(data.get("cameras")):
            name = item.get("name")
            if isinstance(name, str) and names.setdefault(name, index) != index:
                other = self._document.place(("cameras", names[name], "name")).value[0]
                self._find("camera_name_taken", ("cameras", index, "name"), seen=shorten(name), line=other)

    def _check_code(self, data: dict[str, Any], qr: Any, screen: Any) -> None:
        """Whether citizens can scan the QR, and whether what it leads to is served."""
        web = data.get("web")
        if "qr" not in data and isinstance(web, dict) and web.get("counter_network"):
            self._find("network_without_code", ("web", "counter_network"))
        if not isinstance(qr, Qr):
            return
        if qr.mode == "local":
            self._check_local(data, qr)
        if not isinstance(screen, Screen) or screen.output.diagonal_inch is None:
            return
        output = screen.output
        code = on_screen(qr.longest, output.orientation, screen.output.diagonal_inch, share=output.share)
        if code.reach_m < output.scan_distance_m:
            needed = code.needed_at(output.scan_distance_m)
            numbers: dict[str, Any] = {
                "distance": f"{output.scan_distance_m:g}",
                "diagonal": f"{output.diagonal_inch:g}",
                "modules": code.modules,
                "module": f"{code.module_mm:.1f}",
                "width": f"{code.width_mm:.0f}",
                "needed_module": f"{needed.module_mm:.1f}",
                "needed_width": f"{needed.width_mm:.0f}",
                "reach": f"{int(code.reach_m * 10) / 10:g}",
            }
            self._find("qr_too_far", ("screen", "output", "scan_distance_m"), **numbers)

    def _check_theme(self, screen: Any) -> None:
        """Whether people can read what is written in the unit's colours."""
        for pair in faint(screen.drawn) if isinstance(screen, Screen) else ():
            colours = ("screen", "theme", "colours")
            written = [(*colours, name) for name in (pair.text, pair.ground)]
            path = next((path for path in written if path in self._document.places), colours)
            ratio = f"{int(pair.ratio * 10) / 10:g}"
            self._find("contrast", path, text=pair.text, ground=pair.ground, ratio=ratio, needed=f"{pair.needed:g}")

    def _check_local(self, data: dict[str, Any], qr: Qr) -> None:
        """Whether this box serves what the QR leads to."""
        web = data.get("web")
        network = web.get("counter_network") if isinstance(web, dict) else None
        if not network:
            self._find("qr_local", ("qr", "mode"))
            return
        address = urlsplit(qr.url.lower())
        served = {f"http://{str(network).lower().removesuffix(':80')}", f"http://{str(network).lower()}"}
        if f"{address.scheme}://{address.netloc}" not in served or address.path != "/r/":
            suggestion = f"HTTP://{str(network).upper()}/R/"
            self._find("qr_local_url", ("qr", "url"), seen=shorten(qr.url), suggestion=suggestion)

    def _levels(self, keypads: Any) -> Iterator[tuple[Path, int]]:
        for index, item in _maps(keypads):
            keys = item.get("keys")
            for code, level in keys.items() if isinstance(keys, dict) else ():
                if type(level) is int:
                    yield ("keypads", index, "keys", code), level

    def _find_odd_numbers(self) -> None:
        complained = {finding.path for finding in self.findings}
        for path, place in self._document.places.items():
            if place.odd and path not in complained:
                self.findings.append(odd_number(path, place))

    def _find(self, code: str, path: Path, *, on_key: bool = False, **values: Any) -> None:
        place = self._document.place(path)
        self.findings.append(Finding(code, path, place.key if on_key else place.value, values))


def _is_echo(details: ErrorDetails) -> bool:
    """Whether it tells only what another error told: pydantic counts a list without the entries it refused."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _maps(items: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield index, item


def _required(model: type[BaseModel]) -> list[str]:
    return [name for name, info in model.model_fields.items() if info.is_required()]


def _fields_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys of the model nested in *model* at *loc*; in a union of several kinds, the kind's name is a step too."""
    kinds: list[type[BaseModel]] = []
    for step in loc:
        info = model.model_fields.get(str(step))
        kinds = _kinds_at(info) if info is not None else [k for k in kinds if _is_kind(k, step)]
        model = kinds[0] if kinds else model
    return [info.alias or name for name, info in model.model_fields.items()]


def _kinds_at(info: FieldInfo) -> list[type[BaseModel]]:
    """The models a field is made of; a field that is written otherwise than it is kept says of which."""
    written = [item.made_of for item in info.metadata if isinstance(item, AsInTheFile)]
    return written or list(_models_in(info.annotation))


def _is_kind(model: type[BaseModel], name: str | int) -> bool:
    return any(name in get_args(info.annotation) for info in model.model_fields.values())


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
