"""`screen.content`: hosts and hours."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.settings.content import Content

KEY = Path("/etc/counter-agent/content.pub")


def content(**keys: object) -> Content:
    return Content.model_validate({"key_file": KEY, "hosts": ["media.nghean.example"], **keys})


def test_files_may_be_fetched_at_any_time_unless_said() -> None:
    assert all(content().is_open(time) for time in ("00:00", "12:00", "23:59"))


def test_hours_may_go_through_the_night() -> None:
    night = content(window=["20:00-06:00", "12:00-13:00"])
    seen = {time: night.is_open(time) for time in ("19:59", "20:00", "23:59", "00:00", "05:59", "06:00", "12:30")}
    assert seen == {
        "19:59": False,
        "20:00": True,
        "23:59": True,
        "00:00": True,
        "05:59": True,
        "06:00": False,
        "12:30": True,
    }


@pytest.mark.parametrize("host", ["https://media.nghean.example", "Media.example", "a/b", "", "a b", "user@a", "a:0"])
def test_a_host_is_a_bare_name(host: str) -> None:
    with pytest.raises(ValidationError):
        content(hosts=[host])


def test_https_own_port_is_no_other_host() -> None:
    assert content(hosts=["a.example:443", "b.example:8443"]).hosts == ("a.example", "b.example:8443")


@pytest.mark.parametrize("span", ["20-06", "20:00–06:00", "06:00-06:00", "24:00-06:00", "20:00-24:01"])
def test_a_span_is_two_times(span: str) -> None:
    with pytest.raises(ValidationError):
        content(window=[span])
