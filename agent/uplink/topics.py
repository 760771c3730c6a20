"""Every topic in one place: names, directions, and which are retained.

Root `motcua/v1/<province>/<agent>/`, then `up/…` or `down/…`. The depth is fixed, so one wildcard
reaches one kind of data and two ACL lines hold a fleet (`pattern write …/%u/up/#`, `pattern read …/%u/down/#`).
"""

from dataclasses import dataclass

from agent.event import EventType, Lane

VERSION = "v1"
VERSION_ROOT = f"motcua/{VERSION}"
ALL = "_all"
GROUP = "_group"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one counter."""

    province: str
    agent: str

    @property
    def root(self) -> str:
        return f"{VERSION_ROOT}/{self.province}/{self.agent}"

    # What the counter says. Retained: state, info, health, watermark, config, content.
    @property
    def state(self) -> str:
        return f"{self.root}/up/state"

    @property
    def info(self) -> str:
        return f"{self.root}/up/info"

    def health(self, component: str) -> str:
        return f"{self.root}/up/health/{component}"

    @property
    def watermark(self) -> str:
        return f"{self.root}/up/watermark"

    @property
    def config(self) -> str:
        return f"{self.root}/up/config"

    @property
    def content_report(self) -> str:
        """What of the province's content is shown here."""
        return f"{self.root}/up/content"

    def event(self, kind: EventType) -> str:
        return f"{self.root}/up/event/{kind}"

    def batch(self, lane: Lane) -> str:
        return f"{self.root}/up/batch/{lane}"

    def result(self, command: str, command_id: str) -> str:
        return f"{self.root}/up/result/{command}/{command_id}"

    def bulk(self, command_id: str, part: int | str) -> str:
        return f"{self.root}/up/bulk/{command_id}/{part}"

    # What it is told.
    @property
    def subscriptions(self) -> list[str]:
        """Everything a counter subscribes to, at QoS 1."""
        return [f"{self.root}/down/#", f"{VERSION_ROOT}/{self.province}/{ALL}/down/#"]

    def acknowledgement(self, lane: Lane) -> str:
        return f"{self.root}/down/ack/{lane}"

    def rating(self, ballot_id: str) -> str:
        """A vote that a phone gave on the province's rating page."""
        return f"{self.root}/down/rating/{ballot_id}"

    @property
    def content(self) -> str:
        """What the province wants shown; retained."""
        return f"{self.root}/down/content"

    def command(self, command: str, command_id: str) -> str:
        return f"{self.root}/down/command/{command}/{command_id}"


@dataclass(frozen=True, slots=True)
class Heard:
    """A topic taken apart: whose, which direction, and the rest."""

    province: str
    agent: str
    direction: str
    kind: str
    rest: tuple[str, ...]


def parse(topic: str) -> Heard | None:
    """Take *topic* apart, or None when it is not one of ours."""
    match topic.split("/"):
        case ["motcua", "v1", province, agent, ("up" | "down") as direction, kind, *rest]:
            return Heard(province, agent, direction, kind, tuple(rest))
        case ["motcua", "v1", province, "_group", name, "down", kind, *rest]:
            return Heard(province, f"{GROUP}/{name}", "down", kind, tuple(rest))
    return None
