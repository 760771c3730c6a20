"""The province's content, joined: what comes down the uplink, the store of media, and what a download yields to."""

from agent.event import Lane
from agent.screen.content.inbox import Inbox
from agent.screen.content.service import ContentService
from agent.screen.content.sets import Sets
from agent.screen.media.ingest import Ingest
from agent.screen.planning.programme import Source
from agent.service import Service
from agent.supervisor import Unit
from agent.uplink.mailbox import Mailbox
from agent.uplink.payload import Message
from agent.wiring.standing import Standing


class Contents:
    """The sets and the inbox, which outlive the service, and the service."""

    def __init__(self, standing: Standing, ingest: Ingest, mailbox: Mailbox) -> None:
        self._standing, self._ingest, self._mailbox = standing, ingest, mailbox
        self.sets = Sets(standing.folder / "content", ingest.store)
        self.inbox = Inbox()

    @property
    def sources(self) -> tuple[Source, ...]:
        """What the screen plays besides its own; nothing where the province has no say."""
        return (self.sets,) if self._standing.settings.screen.content is not None else ()

    def unit(self) -> Unit:
        settings = self._standing.settings
        return Unit("content", self._service, (settings.screen.content, settings.counter.language))

    def _service(self) -> Service:
        standing = self._standing
        return ContentService(
            standing.settings.screen.content,
            sets=self.sets,
            ingest=self._ingest,
            inbox=self.inbox,
            health=standing.health,
            clock=standing.clock,
            language=standing.language,
            yields_to=self._goes_first,
            tell=self._tell,
            link=lambda: self._mailbox.link,
        )

    def _tell(self, report: bytes) -> None:
        self._mailbox.say(Message(self._standing.topics.content_report, report, is_retained=True))

    def _goes_first(self) -> str | None:
        """What a download has to wait for now."""
        if self._mailbox.link is None:
            return "link"
        marks = self._standing.outbox.marks()
        return "backlog" if any(marks[lane].pending for lane in (Lane.ALERT, Lane.RECORD)) else None
