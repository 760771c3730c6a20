"""The province's side of what its counters show: keys, sets of files, and handing them down.

A set is a folder of files with a `content.yaml` that lists them as `screen.playlist` does; without one, every file in
the order of its name. `make` copies each under the hash of its bytes, which is how counters ask for it, so a
web server needs no more than that folder, and a file that was there before is not uploaded again.
"""

import hashlib
import shutil
import time
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from agent.errors import PersonMustAct
from agent.province.errand import run_errand, turned_away
from agent.screen.content.manifest import ContentItem, Manifest, sign
from agent.screen.media.medium import MediaError
from agent.screen.media.sniff import LARGEST_BYTES, sniff
from agent.uplink.session import Acknowledged, Connected, Door, LinkDown, Lost, Refused, Session
from agent.uplink.topics import Topics

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIST = "content.yaml"
MANIFEST = "manifest.json"
HEAD_BYTES = 4096
ANSWER_S = 20.0


def make_keys(path: Path) -> Path:
    """Write a private key to *path*, for the province alone, and beside it the public one for the counters.

    Raises:
        PersonMustAct: there is a key already, or the files cannot be written.
    """
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    beside = path.with_name(f"{path.name}.pub")
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(private)
        beside.write_bytes(public)
        beside.chmod(0o644)
    except OSError as error:
        raise PersonMustAct(f"{error.filename}: {error.strerror}") from error
    return beside


def make_set(folder: Path, out: Path, *, base: str, key: Path, name: str, version: int | None = None) -> Manifest:
    """Make the set in *folder*: its files and the signed manifest, in *out*.

    Raises:
        PersonMustAct: a file cannot be shown or is not there, or the list is not as it should be.
    """
    private = _private_key(key)
    said = _listed(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
        said["items"] = [_with_its_file(item, folder, out) for item in said["items"]]
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        known = {"set": name, "version": version or int(time.time()), "made_at": made_at, "base": base}
        manifest = Manifest.model_validate({**said, **known})
        manifest = Manifest.model_validate_json(manifest.text())  # as a counter will read it
        (out / MANIFEST).write_bytes(sign(manifest, private).encode())
    except ValidationError as error:
        lines = (f"  {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False))
        raise PersonMustAct("\n".join([f"{folder / LIST}: cannot be made a set of", *lines])) from error
    except OSError as error:
        raise PersonMustAct(f"{error.filename}: {error.strerror}") from error
    return manifest


def _listed(folder: Path) -> dict[str, Any]:
    path = folder / LIST
    try:
        if not path.exists():
            names = sorted((file.name for file in _files(folder)), key=str.casefold)
            return {"items": [{"file": unicodedata.normalize("NFC", name)} for name in names]}
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PersonMustAct(f"{path}: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("items"), list):
        raise PersonMustAct(f"{path}: items: with a list under it is needed, as in screen.playlist")
    found["items"] = [_plain(item) for item in found["items"]]
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in found.items()}


def _plain(item: Any) -> Any:
    """Days as text: YAML makes dates of them."""
    if not isinstance(item, dict):
        return item
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in item.items()}


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".") and file.name != LIST)


def _with_its_file(item: Any, folder: Path, out: Path) -> Any:
    """*item* with what its file is; a copy of that lies in *out* then."""
    if not isinstance(item, dict) or "file" not in item:
        return item
    ContentItem.model_validate({**item, "sha256": "0" * 64, "bytes": 1, "type": "picture"})  # the name is one in here
    name = unicodedata.normalize("NFC", item["file"])
    file = next((file for file in _files(folder) if unicodedata.normalize("NFC", file.name) == name), None)
    if file is None:
        raise PersonMustAct(f"{folder / LIST}: there is no file {name} in {folder}")
    with file.open("rb") as opened:
        try:
            family = sniff(opened.read(HEAD_BYTES)).family
        except MediaError as error:
            raise PersonMustAct(f"{file}: cannot be shown ({error.reason}); see docs/screen.md") from error
        opened.seek(0)
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    size = file.stat().st_size
    if size > LARGEST_BYTES[family]:
        raise PersonMustAct(f"{file}: {size} bytes; a {family} has at most {LARGEST_BYTES[family]}")
    copy = out / sha256
    if not copy.exists() or copy.stat().st_size != size:
        unfinished = copy.with_name(f".{sha256}.new")
        shutil.copyfile(file, unfinished)
        unfinished.replace(copy)
    return {**item, "file": name, "sha256": sha256, "bytes": size, "type": family}


def _private_key(path: Path) -> "Ed25519PrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PersonMustAct(f"{path}: {error}; counter-agent province content key makes one") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise PersonMustAct(f"{path}: not an Ed25519 key; counter-agent province content key makes one")
    return key


def publish(door: Door, *, province: str, agent: str, payload: bytes) -> None:
    """Hand *payload* down to *agent*, retained: it is read whenever the counter connects.

    Raises:
        PersonMustAct: the broker cannot be reached or does not take it.
    """
    run_errand(door, lambda session: _say(session, Topics(province, agent).content, payload))


def _say(session: Session, topic: str, payload: bytes) -> None:
    """Say it and wait for the broker's word."""
    session.connect()
    until_s = time.monotonic() + ANSWER_S
    while time.monotonic() < until_s:
        for happening in session.turn(0.5):
            match happening:
                case Connected():
                    session.publish(topic, payload, retain=True)
                case Acknowledged(reason=reason, text=text):
                    session.close()
                    if reason >= 0x80:
                        raise LinkDown("REFUSED", f"the broker refused {topic}: {text}")
                    return
                case Refused() as refused:
                    raise turned_away(session, refused)
                case Lost(reason=reason):
                    raise LinkDown("LOST", reason)
                case _:
                    continue
    raise LinkDown("MUTE", "the broker does not answer")
