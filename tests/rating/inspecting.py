"""Findings for tests of an inspection."""

from agent.rating.figures.outages import OutageCause
from agent.rating.figures.summary import Availability, satisfaction
from agent.rating.inspection.findings import Findings, OutageTotal


def findings_of(*, satisfied: int = 812, valid: int = 870, raw: int = 935) -> Findings:
    return Findings(
        raw=raw,
        valid=valid,
        flags={"lockout": raw - valid},
        satisfied=satisfaction(satisfied, valid),
        outages={OutageCause.POWER: OutageTotal(2, 5400), OutageCause.KEYPAD: OutageTotal(1, 12480)},
        availability=Availability(opening_s=630_000, available_s=612_120, percent=97.2),
    )
