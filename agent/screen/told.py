"""What a page is told: the parts of the scene in words and with the time they have left, ready for JSON.

Ends travel as what is left of them, in milliseconds: a page's clock and the box's are not the same.
"""

from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from agent.language import Language
from agent.panel import Panel
from agent.screen.code.qr import printed, rating_qr
from agent.screen.scene import Banner, Emergency, RatingCode
from agent.screen.theme import COLOURS, Theme


def code(code: RatingCode, age_s: float) -> dict[str, Any]:
    left_ms = None if code.lasts_s is None else max(0, round((code.lasts_s - age_s) * 1000))
    return {"svg": rating_qr(code.address), "text": printed(code.address), "left_ms": left_ms}


def banner(banner: Banner, texts: Language, now: float) -> dict[str, Any]:
    note = texts.text(f"screen.mode.{banner.kind}.note")
    until = texts.text("screen.mode.until", time=banner.until) if banner.until else ""
    return {
        "title": texts.text(f"screen.mode.{banner.kind}.title"),
        "note": f"{note} {until}".strip(),
        "left_ms": _left_ms(banner.ends_at_monotonic, now),
    }


def emergency(emergency: Emergency, texts: Language, now: float) -> dict[str, Any]:
    return {
        "title": emergency.title,
        "lines": list(emergency.lines),
        "until": texts.text("screen.emergency_until", time=emergency.until) if emergency.until else "",
        "left_ms": _left_ms(emergency.ends_at_monotonic, now),
    }


def panel(panel: Panel, now: float) -> dict[str, Any]:
    laid = asdict(panel)
    ends_at = laid.pop("ends_at_monotonic")
    return {**laid, "left_ms": _left_ms(ends_at, now) if isfinite(ends_at) else None}


def theme(theme: Theme) -> dict[str, Any]:
    return {
        "colours": {name: getattr(theme, name) for name in (*COLOURS, "lift")},
        "is_flat": theme.is_flat,
        "is_safe": theme.is_safe,
        "logo": f"/screen/logo?{_version(theme.logo)}" if theme.logo is not None else None,
    }


def camera(egress: str, texts: Language, *, is_watched: bool) -> str:
    """What the law has citizens told: that there is a camera, what becomes of its pictures, and who looks on."""
    return texts.text(f"screen.{'watched' if is_watched else 'camera'}.{egress}") if egress else ""


def _left_ms(ends_at_monotonic: float, now: float) -> int:
    return max(0, round((ends_at_monotonic - now) * 1000))


def _version(file: Path) -> int:
    """Tells one version of a file from the next; 0: it is not there."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
