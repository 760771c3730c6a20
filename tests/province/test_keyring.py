"""The portal's keys: a file a counter, read again while it runs."""

import logging
import os
from pathlib import Path

import pytest

from agent.errors import PersonMustAct
from agent.province.keyring import Keyring
from agent.rating.phone.secret import device_of

SECRET = b"0123456789abcdef0123456789abcdef"


def write(folder: Path, agent: str, secret: bytes = SECRET) -> None:
    path = folder / f"{agent}.key"
    path.write_bytes(secret)
    path.chmod(0o600)


def test_a_counter_is_found_by_its_device_and_its_name(tmp_path: Path) -> None:
    write(tmp_path, "na-0123")
    ring = Keyring(tmp_path)
    assert ring.look()
    keys = ring.find(device_of("na-0123"))
    assert keys is not None
    assert keys.agent == "na-0123"
    assert ring.of("na-0123") == keys
    assert ring.of("na-0124") is None
    assert ring.agents() == {"na-0123"}


def test_a_new_file_is_found_and_nothing_is_read_when_nothing_changed(tmp_path: Path) -> None:
    write(tmp_path, "na-0123")
    ring = Keyring(tmp_path)
    ring.look()
    assert not ring.look()
    write(tmp_path, "na-0124", b"x" * 40)
    assert ring.look()
    assert ring.agents() == {"na-0123", "na-0124"}
    (tmp_path / "na-0123.key").unlink()
    ring.look()
    assert ring.agents() == {"na-0124"}


def test_a_short_secret_is_named_once_and_keeps_nobody_else_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "na-0123", b"too short")
    write(tmp_path, "na-0124")
    ring = Keyring(tmp_path)
    with caplog.at_level(logging.WARNING):
        ring.look()
        os.utime(tmp_path / "na-0124.key", ns=(0, 0))
        ring.look()
    assert ring.agents() == {"na-0124"}
    assert [record.message for record in caplog.records] == [
        "na-0123.key: not used: a secret of 9 bytes; at least 32 are needed"
    ]


def test_a_counter_that_looks_the_same_in_a_token_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.rating.phone.secret.device_of", lambda _: b"abc")
    write(tmp_path, "na-0123")
    write(tmp_path, "na-0124")
    ring = Keyring(tmp_path)
    ring.look()
    assert ring.agents() == {"na-0123"}
    assert "na-0124.key: not used: it looks the same in a token as na-0123" in caplog.text


def test_a_secret_that_others_may_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "na-0123")
    (tmp_path / "na-0123.key").chmod(0o644)
    Keyring(tmp_path).look()
    assert "others may read it; chmod 600" in caplog.text


def test_a_missing_folder_is_a_persons_business(tmp_path: Path) -> None:
    with pytest.raises(PersonMustAct, match="the keys of the counters stand there"):
        Keyring(tmp_path / "nowhere").look()
