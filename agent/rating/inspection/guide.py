"""What the screen tells an inspector at each step, in words. Pure."""

from agent.language import Language
from agent.panel import Line, Mark, Panel
from agent.rating.inspection.findings import Findings
from agent.rating.inspection.inspection import Inspection, Step
from agent.rating.scale import Scale

SHOWN_HASH = 10
"""Characters of a chain head that are read out beside the QR code."""
CAUSES = 3
"""Causes of outages that there is room for, the one that cost most first."""


def code_strip(words: Language, typed: int, length: int) -> Panel:
    """The strip that counts the keys of a code while it is typed; which keys they are it does not show."""
    dots = " ".join("●" * typed + "○" * (length - typed))
    return Panel(words.text("inspection.code"), focus=dots, is_strip=True)


def step_panel(inspection: Inspection, words: Language, scale: Scale, *, ends_at: float) -> Panel:
    """The page of a step before the findings."""
    step = inspection.step
    title = words.text("inspection.title")
    if inspection.key is not None:
        keypad, level = inspection.key
        keypads = list(dict.fromkeys(name for name, _ in inspection.wanted))
        place = f" ({words.text('inspection.keypad', number=keypads.index(keypad) + 1)})" if len(keypads) > 1 else ""
        wrong = inspection.last_pressed
        return Panel(
            title,
            words.text("inspection.keys.ask") + place,
            focus=scale.levels[level].label(words),
            lines=tuple(_key_lines(inspection, words, scale, keypad)),
            note=words.text("inspection.keys.wrong", label=scale.levels[wrong].label(words))
            if wrong is not None
            else words.text("inspection.keys.note"),
            ends_at_monotonic=ends_at,
        )
    return Panel(
        title,
        words.text(f"inspection.{step}.ask"),
        lines=tuple(_steps(inspection, words)),
        note=words.text(f"inspection.{step}.note"),
        has_rating_code=step is Step.QR,
        ends_at_monotonic=ends_at,
    )


def findings_panel(
    inspection: Inspection,
    words: Language,
    found: Findings | None,
    *,
    heads: str,
    drawing: str,
    ends_at: float,
) -> Panel:
    """The last page: what came out, thirty days in figures, and the chain heads for the photograph."""
    lines = [*_steps(inspection, words), *(_figures(found, words) if found is not None else [])]
    for place in heads.split()[3:]:
        lane, seq, head = place.split(":")
        lines.append(Line(words.text("inspection.head", lane=lane, seq=seq), f"{head[:SHOWN_HASH]}…"))
    return Panel(
        words.text("inspection.title"),
        words.text("inspection.findings.ask"),
        lines=tuple(lines),
        drawing=drawing,
        note=words.text("inspection.findings.note"),
        ends_at_monotonic=ends_at,
    )


def _key_lines(inspection: Inspection, words: Language, scale: Scale, keypad: str) -> list[Line]:
    lines = []
    for number, (name, level) in enumerate(inspection.wanted):
        if name != keypad:
            continue
        label, mark, value = scale.levels[level].label(words), "", ""
        if number < len(inspection.tried):
            tried = inspection.tried[number]
            mark = "good" if tried.is_right else "bad"
            value = _came(tried.pressed, words, scale) if not tried.is_right else ""
        elif number == len(inspection.tried):
            mark = "now"
        lines.append(Line(label, value, mark))  # type: ignore[arg-type]
    return lines


def _came(pressed: tuple[int, ...], words: Language, scale: Scale) -> str:
    if not pressed:
        return words.text("inspection.keys.silent")
    return words.text("inspection.keys.came", label=scale.levels[pressed[-1]].label(words))


def _steps(inspection: Inspection, words: Language) -> list[Line]:
    """Every step that this counter has, and how it went."""
    order = list(Step)
    lines = []
    if inspection.wanted:
        right, all_of = sum(tried.is_right for tried in inspection.tried), len(inspection.wanted)
        value = words.text("inspection.right_of", right=right, all=all_of)
        lines.append(Line(words.text("inspection.step.keys"), value, _mark(right == all_of)))
    if inspection.has_qr:
        lines.append(_step_line(inspection, words, Step.QR, is_good=inspection.is_qr_read))
    for name in inspection.cameras:
        line = _step_line(inspection, words, Step.CAMERA, is_good=inspection.seen.get(name, False))
        lines.append(Line(f"{line.label} {name}", line.value, line.mark))
    return [line for line in lines if order.index(inspection.step) > 0]


def _step_line(inspection: Inspection, words: Language, step: Step, *, is_good: bool) -> Line:
    label, order = words.text(f"inspection.step.{step}"), list(Step)
    if order.index(inspection.step) < order.index(step):
        return Line(label)
    if inspection.step is step:
        return Line(label, words.text("inspection.good") if is_good else "", "good" if is_good else "now")
    return Line(label, words.text("inspection.good" if is_good else "inspection.bad"), _mark(is_good))


def _mark(is_good: bool) -> Mark:  # noqa: FBT001 - a question's answer
    return "good" if is_good else "bad"


def _figures(found: Findings, words: Language) -> list[Line]:
    satisfied = found.satisfied
    share = (
        words.text(
            "inspection.share",
            percent=_number(satisfied.percent),
            low=_number(satisfied.low),
            high=_number(satisfied.high),
        )
        if satisfied.percent is not None
        else words.text("inspection.too_few")
    )
    available = found.availability.percent
    lines = [
        Line(words.text("inspection.counted"), words.text("inspection.valid_of", valid=found.valid, raw=found.raw)),
        Line(words.text("inspection.satisfied"), share),
        Line(words.text("inspection.available"), f"{_number(available)} %" if available is not None else "–"),
    ]
    longest = sorted(found.outages.items(), key=lambda each: -each[1].opening_s)
    for cause, total in longest[:CAUSES]:
        hours = words.text("inspection.outage", count=total.count, hours=_number(total.opening_s / 3600))
        lines.append(Line(words.text(f"inspection.cause.{cause}"), hours))
    return lines


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}".replace(".", ",")
