"""Topics: what is written is what is read, and what is not ours is nobody's."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.event import EventType, Lane
from agent.uplink.topics import Topics, parse

provinces = st.from_regex(r"[0-9]{2}", fullmatch=True)
agents = st.from_regex(r"[a-z0-9-]{3,32}", fullmatch=True)
ids = st.from_regex(r"[0-9a-f]{4,16}", fullmatch=True)
makers: list[Callable[[Topics, str], tuple[str, str, str, tuple[str, ...]]]] = [
    lambda t, _: (t.state, "up", "state", ()),
    lambda t, _: (t.info, "up", "info", ()),
    lambda t, _: (t.health("camera-2"), "up", "health", ("camera-2",)),
    lambda t, _: (t.watermark, "up", "watermark", ()),
    lambda t, _: (t.config, "up", "config", ()),
    lambda t, _: (t.event(EventType.RATING), "up", "event", ("rating",)),
    lambda t, _: (t.batch(Lane.ALERT), "up", "batch", ("alert",)),
    lambda t, i: (t.result("ping", i), "up", "result", ("ping", i)),
    lambda t, i: (t.bulk(i, 3), "up", "bulk", (i, "3")),
    lambda t, i: (t.bulk(i, "manifest"), "up", "bulk", (i, "manifest")),
    lambda t, _: (t.acknowledgement(Lane.RECORD), "down", "ack", ("record",)),
    lambda t, i: (t.command("replay", i), "down", "command", ("replay", i)),
]


@given(provinces, agents, ids, st.sampled_from(makers))
def test_every_topic_that_is_written_is_read_as_it_was_meant(
    province: str, agent: str, an_id: str, make: Callable[[Topics, str], tuple[str, str, str, tuple[str, ...]]]
) -> None:
    topic, direction, kind, rest = make(Topics(province, agent), an_id)
    heard = parse(topic)
    assert heard is not None
    assert (heard.province, heard.agent, heard.direction, heard.kind, heard.rest) == (
        province,
        agent,
        direction,
        kind,
        rest,
    )


def test_a_broadcast_and_a_groups_order_are_read() -> None:
    everybody = parse("motcua/v1/40/_all/down/command/ping/7f3a")
    group = parse("motcua/v1/40/_group/vinh/down/command/ping/7f3a")
    assert everybody is not None
    assert (everybody.agent, everybody.kind, everybody.rest) == ("_all", "command", ("ping", "7f3a"))
    assert group is not None
    assert (group.agent, group.kind, group.rest) == ("_group/vinh", "command", ("ping", "7f3a"))


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "motcua",
        "motcua/v1/40/na-0123",
        "motcua/v1/40/na-0123/up",
        "motcua/v2/40/na-0123/up/state",
        "motcua/v1/40/na-0123/sideways/state",
        "$SYS/broker/uptime",
        "/motcua/v1/40/na-0123/up/state",
    ],
)
def test_what_is_not_ours_is_nobodys(topic: str) -> None:
    assert parse(topic) is None


@given(st.text())
def test_no_topic_whatsoever_makes_it_stumble(topic: str) -> None:
    parse(topic)


@given(provinces, agents)
def test_a_counter_hears_what_is_said_to_it_and_to_all_and_never_another(province: str, agent: str) -> None:
    own, everybody = Topics(province, agent).subscriptions
    assert own == f"motcua/v1/{province}/{agent}/down/#"
    assert everybody == f"motcua/v1/{province}/_all/down/#"
