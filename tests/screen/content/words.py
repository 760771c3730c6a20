"""The province's words on content, as its own code signs them, and as nobody should believe them."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.screen.content.manifest import HEADING, Manifest, Signed, sign
from agent.screen.media.sniff import sniff

KEY, FOREIGN = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
HOST = "media.nghean.example"


def pem(key: Ed25519PrivateKey = KEY) -> bytes:
    """The public half, as a counter has it."""
    return key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)


def file_item(name: str, data: bytes, **keys: Any) -> dict[str, Any]:
    """An item of the file *name* with the bytes *data*."""
    digest = hashlib.sha256(data).hexdigest()
    return {"file": name, "sha256": digest, "bytes": len(data), "type": sniff(data[:4096]).family, **keys}


NOTICE = {"notice": {"title": "Nghỉ Tết", "lines": ["Từ 04/02 đến 10/02"]}}


def a_set(*items: dict[str, Any], version: int = 1, base: str = f"https://{HOST}/content/", **keys: Any) -> Manifest:
    made_at = datetime(2027, 1, 4, tzinfo=UTC).isoformat()
    body = {"set": "tet", "version": version, "made_at": made_at, "base": base, "items": items, **keys}
    return Manifest.model_validate_json(json.dumps(body))


def said(*items: dict[str, Any], key: Ed25519PrivateKey = KEY, **keys: Any) -> bytes:
    """A set as it comes down."""
    return sign(a_set(*items, **keys), key).encode()


def signed_text(text: str, key: Ed25519PrivateKey = KEY) -> bytes:
    """Any text under a genuine signature."""
    import base64

    signature = base64.b64encode(key.sign(HEADING + text.encode())).decode()
    return Signed(manifest=text, signature=signature).encode()
