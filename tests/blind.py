"""The cameras' orders at a counter that has no camera."""

from agent.clock import Clock
from agent.outbox.store import Outbox
from agent.pictures import Pictures
from agent.surveillance.egress.spacing import Spacing
from agent.surveillance.egress.viewing import Viewings
from agent.surveillance.egress.watch import Leases
from agent.uplink.mailbox import Mailbox
from agent.uplink.topics import Topics


def blind(outbox: Outbox, mailbox: Mailbox, clock: Clock) -> Pictures:
    viewings = Viewings(outbox.path.with_name("viewings.json"), clock, outbox.append)
    leases = Leases(viewings, clock, cameras=dict, watched=lambda _: None)
    topics = Topics("40", "na-0123")
    return Pictures(
        clock=clock,
        outbox=outbox,
        cameras=dict,
        leases=leases,
        mailbox=mailbox,
        topics=topics,
        spacing=Spacing(clock),
    )
