"""The counter's secret and the keys made of it."""

import pytest

from agent.rating.phone.secret import QrKeys, device_of, hkdf

KEYS = QrKeys.from_secret(b"k" * 32, agent="na-0123")


def test_a_secret_shorter_than_32_bytes_is_refused_and_white_space_does_not_count() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        QrKeys.from_secret(b" " + b"k" * 31 + b"\n", agent="na-0123")
    assert QrKeys.from_secret(b"k" * 32 + b"\n", agent="na-0123") == KEYS


def test_keys_do_not_show_themselves() -> None:
    assert KEYS.mac.hex() not in repr(KEYS)
    assert len({KEYS.mac, KEYS.ticket, KEYS.seal}) == 3


def test_the_derivation_agrees_with_the_first_and_third_vector_of_its_standard() -> None:
    first = hkdf(b"\x0b" * 22, salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)), length=42)
    third = hkdf(b"\x0b" * 22, info=b"", length=42)

    assert first.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert third.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"


def test_a_device_is_three_bytes_of_the_name() -> None:
    assert device_of("na-0123") == KEYS.device
    assert len(KEYS.device) == 3
