"""What the status page says: every component's condition in words, the files that are not shown, and a few figures."""

from typing import Any

from agent.health import Health, Status
from agent.language import Language
from agent.web.site import CameraSeen, Figure, Site


def condition_of_everything(site: Site) -> dict[str, Any]:
    """The status page's content, ready for JSON and in the technician's language."""
    state = site.hub.state()
    rows = components(site.health, site.language)
    ill = sum(row["status"] in (Status.DEGRADED, Status.FAILED) for row in rows)
    return {
        "unit": state["unit"],
        "counter": state["counter"]["number"],
        "summary": site.language.text("status.some_ill", count=ill) if ill else site.language.text("status.all_ok"),
        "is_well": ill == 0,
        "components": rows,
        "refusals": [
            {
                "name": refusal.name,
                "reason": site.language.text(f"screen.refused.{refusal.reason}", **refusal.values),
                "remedy": site.language.text(f"screen.remedy.{refusal.reason}"),
            }
            for refusal in site.refusals()
        ],
        "figures": [
            {"label": _figure_label(key, site.language), "value": _figure(value, site.language)}
            for key, value in site.figures().items()
        ],
        "cameras": [_camera(each, site.language) for each in site.cameras()],
    }


def components(health: Health, language: Language) -> list[dict[str, Any]]:
    """Every component's condition in words, the most urgent first."""
    rows = []
    for report in health.reports():
        message, hint = report.words(language)
        rows.append(
            {
                "component": report.component,
                "label": component_label(report.component, language),
                "status": report.condition.status,
                "word": language.text(f"status.{report.condition.status}"),
                "code": report.condition.code,
                "message": message,
                "hint": hint,
                "at": f"{report.since:%H:%M:%S, %d/%m/%Y}",
            }
        )
    return sorted(rows, key=lambda row: (_URGENCY.index(row["status"]), row["component"]))


def _camera(seen: CameraSeen, language: Language) -> dict[str, Any]:
    """A camera in words: what leaves the box of it, and what is kept."""

    def text(key: str, **values: str) -> str:
        return language.text(f"status.camera.{key}", **values)

    rows = [
        ("leaves", text(seen.egress)),
        ("recorded", language.text("status.yes" if seen.is_recorded else "status.no")),
    ]
    if seen.kept_since is not None:
        rows += [("since", f"{seen.kept_since:%H:%M, %d/%m/%Y}"), ("size", f"{seen.kept_bytes / 1e9:.1f} GB")]
    if seen.watched_by:
        rows.append(("watched", seen.watched_by))
    return {
        "name": seen.name,
        "egress": seen.egress,
        "rows": [{"label": text(key), "value": value} for key, value in rows],
    }


_URGENCY = (Status.FAILED, Status.DEGRADED, Status.OK, Status.OFF)


def component_label(component: str, language: Language) -> str:
    """`camera-2` -> "Camera 2"; a component without a word keeps its name."""
    kind, _, number = component.partition("-")
    try:
        return f"{language.text(f'status.component.{kind}')} {number}".strip()
    except KeyError:
        return component


def _figure_label(key: str, language: Language) -> str:
    try:
        return language.text(f"status.number.{key}")
    except KeyError:
        return key


def _figure(value: Figure, language: Language) -> str:
    if isinstance(value, bool):
        return language.text("status.yes" if value else "status.no")
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    return "–" if value is None else str(value)
