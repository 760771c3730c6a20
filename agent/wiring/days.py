"""What looks at a counter's days: the bookkeeper with their figures, and an inspector who comes to see for himself."""

from functools import partial

from agent.evidence import heads_line, look_at_cameras, thirty_days
from agent.fitted import keys_of, numbered
from agent.outbox.lookback import last_of, newest_first
from agent.rating.figures.bookkeeper import Bookkeeper, Lanes
from agent.rating.inspection.findings import DAYS
from agent.rating.inspection.service import Evidence, Fitted, InspectionService
from agent.rating.inspection.slip import Slip, read_slip
from agent.screen.code.qr import rating_qr
from agent.service import Service
from agent.supervisor import Unit
from agent.today import terms_of
from agent.wiring.cameras import Cameras
from agent.wiring.ratings import Ratings
from agent.wiring.standing import Standing


class Days:
    """Builds the bookkeeper and the inspection."""

    def __init__(self, standing: Standing, ratings: Ratings, cameras: Cameras) -> None:
        self._standing, self._ratings, self._cameras = standing, ratings, cameras
        slip = standing.folder / "inspection-code.json"
        self.slip = Slip(slip, standing.clock, read_slip(slip))
        self._inspection: InspectionService | None = None

    def qr_opened(self) -> None:
        """A phone opened what the QR code says; from any thread."""
        if self._inspection is not None:
            self._inspection.qr_opened()

    def units(self) -> list[Unit]:
        settings = self._standing.settings
        counter = settings.counter
        inspected = (counter, settings.rating, settings.keypads, settings.qr, settings.cameras)
        return [
            Unit("bookkeeper", self._bookkeeper, (counter, settings.rating, settings.keypads, settings.qr)),
            Unit("inspection", self._inspect, inspected),
        ]

    def _bookkeeper(self) -> Service:
        standing, outbox = self._standing, self._standing.outbox
        return Bookkeeper(
            terms_of(standing.settings),
            Lanes(outbox.append, partial(newest_first, outbox), partial(last_of, outbox)),
            ledger=standing.ledger,
            clock=standing.clock,
            held=lambda: outbox.standing().held,
            bucket_s=standing.settings.rating.privacy.bucket_min * 60.0,
            coverage=self._cameras.coverage,
            counting=self._cameras.doorways.counting,
        )

    def _inspect(self) -> Service:
        standing, settings = self._standing, self._standing.settings
        outbox, terms = standing.outbox, terms_of(settings)
        keypads = dict(zip(numbered("keypad"), settings.keypads, strict=False))
        fitted = Fitted(
            scale=settings.rating.scale,
            keys={name: keys_of(keypad) for name, keypad in keypads.items()},
            has_qr=settings.qr is not None,
            cameras=[camera.name for camera in settings.cameras],
        )
        evidence = Evidence(
            look=lambda: look_at_cameras(self._cameras.services, standing.health),
            findings=lambda: thirty_days(outbox, standing.ledger.ledger(DAYS), terms, standing.clock.now()),
            heads=lambda: heads_line(outbox, settings.counter.agent),
            draw=rating_qr,
        )
        service = self._inspection = InspectionService(
            self._ratings.sign,
            self.slip,
            self._ratings.felt,
            fitted=fitted,
            evidence=evidence,
            append=outbox.append,
            show=standing.hub.set_panel,
            language=standing.language,
            clock=standing.clock,
        )
        return service
