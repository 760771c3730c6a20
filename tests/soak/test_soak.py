"""Twenty seconds of everything at once; `make soak` takes longer."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.broker import mosquitto_program
from tests.conftest import require
from tests.soak.chaos import soak


@pytest.mark.timeout(400)
def test_whatever_goes_wrong_at_once_the_province_ends_with_every_event_exactly_once(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    require(mosquitto_program(), "mosquitto")
    tallies = soak(tmp_path, 20, secrets.randbelow(2**32))
    record_property("figure: soak of 20 s", str(tallies))
