"""An event's bytes are its identity: written once, the same everywhere, readable by anybody's CloudEvents library."""

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.clock import ClockQuality, Moment
from agent.event import GENESIS, Event, EventType, Fact, Lane, chain_hash

AT = datetime(2026, 9, 1, 8, 15, 0, 999_999, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
EPOCH = "01J6X4Q0000000000000000000"


def event(kind: EventType = EventType.RATING, **data: Any) -> Event:
    fact = Fact(kind, AT, ClockQuality.NTP, data)
    return Event("40", "na-0123", EPOCH, kind.lane, 10452, GENESIS, "9f2c00000000", fact)


def test_the_bytes_are_the_protocols_to_the_letter() -> None:
    assert event(level=0, note="Rất không hài lòng").encode().decode() == (
        '{"specversion":"1.0","id":"na-0123/01J6X4Q0000000000000000000/record/10452","source":"/motcua/40/na-0123",'
        '"type":"vn.motcua.rating.v1","time":"2026-09-01T08:15:00+07:00","datacontenttype":"application/json",'
        '"epoch":"01J6X4Q0000000000000000000","lane":"record","seq":10452,'
        f'"previous":"{GENESIS}","boot":"9f2c00000000","clock":"ntp",'
        '"data":{"level":0,"note":"Rất không hài lòng"}}'
    )


def test_what_was_seen_on_a_clock_says_when_its_boot_began_by_that_clock() -> None:
    fact = Fact.seen(EventType.RATING, Moment(AT, ClockQuality.FLOOR, AT - timedelta(seconds=60)), {"level": 0})
    body = json.loads(Event("40", "na-0123", EPOCH, Lane.RECORD, 1, GENESIS, "9f2c00000000", fact).encode())
    assert (body["time"], body["clock"], body["data"]) == ("2026-09-01T08:15:00+07:00", "floor", {"level": 0})
    assert list(body)[10:13] == ["boot", "booted", "clock"]
    assert body["booted"] == "2026-09-01T01:14:00.999Z"


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.one_of(st.text(), st.integers(), st.booleans(), st.none()), max_size=5))
def test_whatever_is_written_is_compact_utf8_and_comes_back(data: dict[str, Any]) -> None:
    body = event(**{f"x{key}": value for key, value in data.items()}).encode()
    parsed = json.loads(body)
    assert parsed["data"] == {f"x{key}": value for key, value in data.items()}
    assert json.dumps(parsed, ensure_ascii=False, separators=(",", ":")).encode() == body


words = st.text(max_size=8) | st.sampled_from(['"', "\\", "%s", "{}", "ầ", "\x00", "na-0123"])
data = st.dictionaries(
    words,
    st.recursive(
        words | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(words, words, words, words, words),
    st.tuples(st.sampled_from(EventType), st.sampled_from(ClockQuality), st.none() | st.just(AT)),
    st.integers(1, 2**31 - 1),
    data,
)
def test_the_bytes_are_those_that_a_json_encoder_writes_of_the_same_object(
    names: tuple[str, str, str, str, str],
    fact: tuple[EventType, ClockQuality, datetime | None],
    seq: int,
    data: dict[str, Any],
) -> None:
    province, agent, epoch, previous, boot = names
    kind, clock, booted = fact
    whole = {
        "specversion": "1.0",
        "id": f"{agent}/{epoch}/{kind.lane}/{seq}",
        "source": f"/motcua/{province}/{agent}",
        "type": f"vn.motcua.{kind}.v1",
        "time": AT.isoformat(timespec="seconds"),
        "datacontenttype": "application/json",
        "epoch": epoch,
        "lane": kind.lane,
        "seq": seq,
        "previous": previous,
        "boot": boot,
        **({"booted": "2026-09-01T01:15:00.999Z"} if booted is not None else {}),
        "clock": clock,
        "data": data,
    }
    ours = Event(province, agent, epoch, kind.lane, seq, previous, boot, Fact(kind, AT, clock, data, booted))
    assert ours.encode() == json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("kind", EventType)
def test_the_official_library_parses_every_type_of_event(kind: EventType) -> None:
    ours = event(kind, level=3)
    body = ours.encode()
    message = HTTPMessage({"content-type": "application/cloudevents+json; charset=utf-8"}, body)
    for theirs in (JSONFormat().read(None, body), from_http_event(message)):
        assert theirs.get_id() == ours.id
        assert theirs.get_source() == "/motcua/40/na-0123"
        assert theirs.get_type() == f"vn.motcua.{kind}.v1"
        assert theirs.get_time() == AT.replace(microsecond=0)
        assert theirs.get_data() == {"level": 3}
        assert theirs.get_extension("lane") == ours.lane
        assert theirs.get_extension("seq") == 10452


def test_extension_names_are_lower_case_letters_and_digits_and_nothing_else() -> None:
    for name in json.loads(event().encode()):
        assert name.isalnum()
        assert name.islower()


def test_every_type_has_its_lane_and_alerts_come_first() -> None:
    assert list(Lane) == ["alert", "record", "metric"]
    assert {kind: kind.lane for kind in EventType} == {
        **dict.fromkeys(["rating", "visit", "inspection", "egress"], "record"),
        **dict.fromkeys(["alert", "gap", "clock", "tamper"], "alert"),
        **dict.fromkeys(["summary", "played", "metric"], "metric"),
    }


def test_the_first_of_an_epoch_follows_the_hash_of_nothing() -> None:
    assert GENESIS == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    assert chain_hash(b"") == GENESIS


@given(st.binary())
def test_a_chain_hash_is_sha256_in_unpadded_base64url(body: bytes) -> None:
    assert chain_hash(body) + "=" == urlsafe_b64encode(hashlib.sha256(body).digest()).decode()


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), "\ud800", object(), {1, 2}],
    ids=["nan", "inf", "half a character", "object", "set"],
)
def test_what_is_not_json_is_refused_before_it_becomes_an_event(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        event(level=value).encode()
