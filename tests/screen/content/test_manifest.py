"""What counts as the province's word on content, and what is refused, in words."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.language import language, languages
from agent.screen.content.manifest import ContentRefused, Signed, public_key, read_word
from tests.screen.content.words import FOREIGN, HOST, KEY, NOTICE, a_set, file_item, pem, said, signed_text
from tests.screen.pictures import plain

PICTURE = plain((0, 0, 128))


def refusal(payload: bytes, *, hosts: tuple[str, ...] = (HOST,)) -> str:
    with pytest.raises(ContentRefused) as refused:
        read_word(payload, key=KEY.public_key(), hosts=hosts)
    for code in languages():
        assert language(code).text(f"content.refused.{refused.value.reason}", **refused.value.values)
    return refused.value.reason


def test_a_word_of_the_province_is_read_as_it_was_said() -> None:
    payload = said(file_item("tet.jpg", PICTURE, weight=2, days=["mon-fri"], **{"from": "2027-01-20"}), NOTICE)
    word = read_word(payload, key=KEY.public_key(), hosts=[HOST])
    picture, notice = word.manifest.items
    assert (picture.file, picture.weight, picture.type, picture.first) == ("tet.jpg", 2, "picture", date(2027, 1, 20))
    assert notice.notice is not None
    assert notice.notice.title == "Nghỉ Tết"
    assert word.digest == read_word(payload, key=KEY.public_key(), hosts=[HOST]).digest


def test_a_foreign_key_is_not_believed() -> None:
    assert refusal(said(NOTICE, key=FOREIGN)) == "signature"


def test_a_word_that_was_changed_on_the_way_is_not_believed() -> None:
    signed = Signed.model_validate_json(said(NOTICE))
    changed = signed.model_copy(update={"manifest": signed.manifest.replace("Nghỉ Tết", "Nghỉ Hè")})
    assert changed != signed
    assert refusal(changed.encode()) == "signature"


def test_a_signature_made_for_something_else_is_not_believed() -> None:
    import base64

    text = a_set(NOTICE).text()
    bare = Signed(manifest=text, signature=base64.b64encode(KEY.sign(text.encode())).decode())
    assert refusal(bare.encode()) == "signature"


@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff", b"[]", b'{"manifest": "{}", "signature": "?"}', b"null"])
def test_what_is_no_signed_word_at_all_is_refused(payload: bytes) -> None:
    assert refusal(payload) == "unsigned"


def test_a_word_of_unreasonable_size_is_not_even_read() -> None:
    assert refusal(b" " * 1_100_000) == "large"


@given(st.binary(max_size=300))
def test_no_bytes_whatsoever_make_it_stumble(payload: bytes) -> None:
    refusal(payload)


def test_a_host_that_the_settings_do_not_name_is_refused() -> None:
    assert refusal(said(NOTICE, base="https://elsewhere.example/")) == "host"
    assert refusal(said(NOTICE, base=f"https://{HOST}:8443/")) == "host"


def with_item(**keys: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["items"][0].update(keys)


WRONG: dict[str, Callable[[dict[str, Any]], None]] = {
    "an unknown key": lambda body: body.update(windows=[]),
    "an unknown key of an item": with_item(script="x"),
    "a path in a name": with_item(file="../../etc/passwd"),
    "an absolute name": with_item(file="/etc/passwd"),
    "the folder itself": with_item(file=".."),
    "a hidden name": with_item(file=".ssh"),
    "no hash": lambda body: body["items"][0].pop("sha256"),
    "a hash that is a path": with_item(sha256="../" * 21 + "a"),
    "a hash in capitals": with_item(sha256="A" * 64),
    "no size": lambda body: body["items"][0].pop("bytes"),
    "a size below one": with_item(bytes=0),
    "a picture as large as a film": with_item(bytes=2**29),
    "a film that is too large": with_item(bytes=2**31, type="film"),
    "a type that is none": with_item(type="application"),
    "a file and a notice": with_item(notice=NOTICE["notice"]),
    "a version below one": lambda body: body.update(version=0),
    "a version that is not whole": lambda body: body.update(version=1.5),
    "plain HTTP": lambda body: body.update(base=f"http://{HOST}/"),
    "a user in the address": lambda body: body.update(base=f"https://user@{HOST}/"),
    "a query": lambda body: body.update(base=f"https://{HOST}/?a="),
    "a fragment": lambda body: body.update(base=f"https://{HOST}/#"),
    "a line feed in the address": lambda body: body.update(base=f"https://{HOST}/\nx"),
    "a port that is none": lambda body: body.update(base=f"https://{HOST}:99999/"),
    "a time without a zone": lambda body: body.update(made_at="2027-01-04T00:00:00"),
    "an end before the beginning": lambda body: body.update(valid_from="2027-02-01", valid_until="2027-01-01"),
    "two sizes of one hash": lambda body: body["items"].append({**body["items"][0], "bytes": 7}),
    "a list without end": lambda body: body.update(items=body["items"] * 201),
    "a name of a set that is a path": lambda body: body.update(set="../x"),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_genuine_word_that_makes_no_sense_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    body = json.loads(a_set(file_item("tet.jpg", PICTURE)).text())
    assert read_word(signed_text(json.dumps(body)), key=KEY.public_key(), hosts=[HOST])
    change(body)
    assert refusal(signed_text(json.dumps(body))) == "form"


def test_items_play_within_the_days_of_the_set() -> None:
    manifest = a_set(
        file_item("a.jpg", PICTURE, **{"from": "2027-01-01"}, until="2027-12-31"),
        NOTICE,
        valid_from="2027-01-20",
        valid_until="2027-02-10",
    )
    assert [manifest.days(item) for item in manifest.items] == [(date(2027, 1, 20), date(2027, 2, 10))] * 2


def test_a_key_that_cannot_be_used_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "content.pub"
    for body in (None, b"", b"-----BEGIN PUBLIC KEY-----\n", b"\xff\xfe"):
        if body is not None:
            path.write_bytes(body)
        with pytest.raises(ContentRefused) as refused:
            public_key(path)
        assert language("vi").text(f"content.refused.{refused.value.reason}", **refused.value.values)
    path.write_bytes(pem())
    assert read_word(said(NOTICE), key=public_key(path), hosts=[HOST])


@pytest.mark.parametrize(("body", "words"), [(None, "không có tệp"), (b"no key", "không phải là khóa công khai")])
def test_a_key_that_cannot_be_used_is_told_in_one_language(tmp_path: Path, body: bytes | None, words: str) -> None:
    path = tmp_path / "content.pub"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(ContentRefused) as refused:
        public_key(path)
    told = language("vi").text(f"content.refused.{refused.value.reason}", **refused.value.values)
    assert words in told
    assert not [word for word in ("No such file", "Unable", "PEM file", "error") if word in told]
