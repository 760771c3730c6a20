"""What each order from the province does. The rules of taking orders are in `agent.uplink.commands`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from agent.clock import Clock
from agent.errors import PersonMustAct, TryAgain
from agent.event import EventType, Fact, Lane, Stream
from agent.health import Health
from agent.language import Language
from agent.outbox.store import Outbox
from agent.pictures import Arguments, Pictures, asked_by
from agent.rating.figures.bookkeeper import TransactionsData
from agent.rating.inspection.chord import checked_code
from agent.rating.inspection.inspection import LASTS_S
from agent.rating.inspection.modes import BY_LENGTH, ModeKind
from agent.rating.inspection.sign import Sign
from agent.rating.inspection.slip import Slip
from agent.screen.content.sets import Sets
from agent.screen.planning.emergency import Siren, worded
from agent.settings.problem import SettingsError
from agent.uplink.commands import Action, Done
from agent.uplink.mailbox import Mailbox
from agent.uplink.payload import HealthReport

MOST_TRANSACTIONS = 100_000


@dataclass(frozen=True)
class Duties:
    """Carries orders out, on the commands' thread."""

    clock: Clock
    health: Health
    outbox: Outbox
    mailbox: Mailbox
    words: Callable[[], Language]
    renew: Callable[[], str]
    """Reads the configuration again; returns the digest then running."""
    pictures: Pictures
    sign: Sign
    slip: Slip
    siren: Siren
    sets: Sets
    best: Callable[[], int]
    """The scale's best level."""

    def handlers(self) -> dict[str, Action]:
        """By the name of the command; also what `up/info` lists as capabilities."""
        return {
            "ping": self.ping,
            "health": self.tell_health,
            "reload": self.reload,
            **self.pictures.handlers(),
            "replay": self.replay,
            "training": self.training,
            "transactions": self.transactions,
            "inspect": self.inspect,
            "inspection-code": self.arm,
            "emergency": self.emergency,
            "content-rollback": self.roll_content_back,
        }

    def ping(self, _: Arguments) -> Done:
        return Done({"at": self.clock.now().isoformat(timespec="milliseconds"), "clock": self.clock.quality()})

    def tell_health(self, _: Arguments) -> Done:
        words = self.words()
        return Done({"components": {each.component: HealthReport.of(each, words) for each in self.health.reports()}})

    def reload(self, _: Arguments) -> Done:
        try:
            return Done({"hash": self.renew()})
        except SettingsError as error:
            raise PersonMustAct(error.render()) from error

    def replay(self, arguments: Arguments) -> Done:
        """Send the stored events `from`..`to` of `lane` once more; they keep their ids."""
        lane, first, last = Lane(arguments["lane"]), int(arguments["from"]), int(arguments["to"])
        if arguments["epoch"] != self.outbox.epoch:
            raise PersonMustAct(f"epoch {arguments['epoch']} is not on this box; it writes {self.outbox.epoch}")
        mark = self.outbox.marks()[lane]
        first, last = max(first, mark.first), min(last, mark.last)
        if first > last:
            raise TryAgain(f"lane {lane} holds {mark.first} to {mark.last}")
        self.mailbox.replay(Stream(self.outbox.epoch, lane), first, last)
        return Done({"from": first, "to": last, "sent": last - first + 1})

    def training(self, arguments: Arguments) -> Done:
        """Announce a training asked for `by` somebody, for `minutes` or `until` a time; `minutes: 0` ends it.

        Only the province can: there is no key, page or command on the box that keeps ratings from counting.
        """
        by = asked_by(arguments)
        lasts_s = self._lasts_s(arguments)
        if lasts_s == 0:
            self.sign.end(ModeKind.TRAINING)
            return Done({"mode": "none"})
        mode = self.sign.hang(ModeKind.TRAINING, by=by, lasts_s=lasts_s)
        return Done({"mode": mode.kind, "minutes": round(lasts_s / 60, 1)})

    def transactions(self, arguments: Arguments) -> Done:
        """Note that `count` people were served on `date`, for that day's response rate; the last word counts."""
        day, count = date.fromisoformat(str(arguments["date"])), arguments["count"]
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_TRANSACTIONS:
            raise ValueError(f"count: a whole number from 0 to {MOST_TRANSACTIONS}")
        now = self.clock.read()
        if now.quality.is_trusted and day > now.at.date():
            raise ValueError("date: it has not begun")
        data = TransactionsData(date=day, count=count)
        self.outbox.append(Fact.seen(EventType.METRIC, now, data.payload()))
        return Done({"date": day.isoformat(), "count": count})

    def inspect(self, arguments: Arguments) -> Done:
        """Begin an inspection asked for `by` somebody, who stands at the counter. What it finds is an event."""
        self.sign.hang(ModeKind.INSPECTION, by=asked_by(arguments), lasts_s=LASTS_S)
        return Done({"mode": ModeKind.INSPECTION, "minutes": LASTS_S / 60})

    def arm(self, arguments: Arguments) -> Done:
        """Let `code` open one inspection at the keypad, for `minutes` or `until` a time, a day at most.

        `minutes: 0` takes it back.
        """
        by, lasts_s = asked_by(arguments), self._lasts_s(arguments)
        if lasts_s == 0:
            self.slip.disarm()
            return Done({"armed": False})
        self.slip.arm(checked_code(arguments.get("code", ""), best=self.best()), by=by, lasts_s=lasts_s)
        return Done({"armed": True, "minutes": round(lasts_s / 60, 1)})

    def emergency(self, arguments: Arguments) -> Done:
        """Give the whole screen to `title` and `lines`, for `minutes` or `until` a time, 72 hours at most.

        `minutes: 0` gives it back. With both, `until` counts where the time is sure: a counter that takes the order
        late does not show it longer than the others.
        """
        try:
            by = asked_by(arguments)
            is_both = "until" in arguments and "minutes" in arguments and self.clock.quality().is_trusted
            lasts_s = self._lasts_s({"until": arguments["until"]} if is_both else arguments)
            if lasts_s == 0:
                self.siren.silence(by=by)
                return Done({"emergency": False})
            notice = worded(arguments.get("title"), arguments.get("lines", ()))
            self.siren.sound(notice, by=by, lasts_s=lasts_s)
        except (ValueError, TypeError, PersonMustAct) as error:
            self.siren.refused(by=str(arguments.get("by", ""))[:BY_LENGTH], reason=str(error))
            raise
        return Done({"emergency": True, "minutes": round(lasts_s / 60, 1)})

    def roll_content_back(self, arguments: Arguments) -> Done:
        """Show the province's set before the present one, asked for `by` somebody; the present one comes no more."""
        asked_by(arguments)
        try:
            is_back = self.sets.roll_back(is_order=True)
        except OSError as error:
            raise TryAgain(f"the card cannot be written: {error.strerror}") from error
        if not is_back or self.sets.active is None:
            raise PersonMustAct("there is no earlier set here that is whole")
        manifest = self.sets.active.manifest
        return Done({"set": manifest.set, "version": manifest.version})

    def _lasts_s(self, arguments: Arguments) -> float:
        """How long `minutes` or `until` is from now; 0: not at all.

        Raises:
            ValueError: neither, or a time that is over or has no zone.
            PersonMustAct: `until` cannot be told by a clock that is not sure.
        """
        if "minutes" in arguments:
            lasts_s = float(arguments["minutes"]) * 60
            if lasts_s < 0:
                raise ValueError("minutes: a number from 0 on")
            return lasts_s
        if "until" not in arguments:
            raise ValueError("minutes or until is needed")
        until = datetime.fromisoformat(str(arguments["until"]))
        if until.tzinfo is None:
            raise ValueError("until: a time needs its zone, as in 2026-09-02T17:00:00+07:00")
        now = self.clock.read()
        if not now.quality.is_trusted:
            raise PersonMustAct("this counter is not sure of the time: say minutes in the place of until")
        lasts_s = (until - now.at).total_seconds()
        if lasts_s <= 0:
            raise ValueError("until: it is over")
        return lasts_s
