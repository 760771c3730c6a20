"""The data of a rating event: its schema, and that nothing else fits in."""

import pytest
from pydantic import ValidationError

from agent.rating.record import RatingData

DATA = {
    "level": 1,
    "raw": "33",
    "keymap": "0123456789abcdef",
    "scale": "vn4",
    "scale_hash": "0123456789abcdef",
    "counter": 1,
    "commune": "17329",
    "channel": "keypad",
    "valid": False,
    "flags": ["lockout", "off_hours"],
    "nonce": "AAAAAAAAAAAAAAAAAAAAAA",
    "bucket_min": 15,
}
PHONE = {name: value for name, value in DATA.items() if name not in ("raw", "keymap")} | {
    "channel": "qr",
    "reasons": ["officers", "deadline"],
    "comment": "Chờ hơi lâu",
}


def test_a_record_reads_its_own_payload_in_the_same_order() -> None:
    correction = {**DATA, "first": 0, "corrects": "na-0123/01J6X/record/7", "upgrade": True}
    for data in (DATA, correction, PHONE):
        payload = RatingData.model_validate(data).payload()
        assert payload == data
        assert list(payload) == list(data)


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone": "0912345678"},
        {"level": -1},
        {"raw": "3"},
        {"raw": "ZZ"},
        {"raw": None},
        {"flags": ["odd"]},
        {"flags": []},
        {"valid": True},
        {"counter": 0},
        {"nonce": "short"},
        {"bucket_min": 61},
        {"comment": "Tốt"},
        {"reasons": ["officers"]},
    ],
)
def test_nothing_that_is_not_in_the_contract_fits_in(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RatingData.model_validate({**DATA, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [{"raw": "33", "keymap": "0123456789abcdef"}, {"comment": "x" * 301}, {"reasons": ["price"]}, {"comment": ""}],
)
def test_a_phone_has_no_key_and_says_no_more_than_it_may(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RatingData.model_validate({**PHONE, **wrong})


def test_a_printed_code_is_never_trusted() -> None:
    with pytest.raises(ValidationError, match="printed code"):
        RatingData.model_validate({**PHONE, "channel": "qr_static"})
    RatingData.model_validate({**PHONE, "channel": "qr_static", "flags": ["low_trust"]})


def test_the_schema_names_every_field_and_refuses_others() -> None:
    schema = RatingData.model_json_schema()
    assert list(schema["properties"]) == [*DATA, "first", "corrects", "upgrade", "burst", "reasons", "comment"]
    assert schema["additionalProperties"] is False
