"""`rating.scale` as the file says it: the name of a scale of the house, or levels spelled out.

scale: vn4
scale:
  - {label: Chưa hài lòng, satisfied: false}
  - {label: {vi: Hài lòng, en: Satisfied}, satisfied: true}
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from agent.language import languages, phone_languages
from agent.rating.scale import SCALES, Level, Scale
from agent.settings.as_in_file import AsInTheFile
from agent.settings.refusal import refuse

Label = Annotated[str, Field(min_length=1, max_length=60)]


def _known_languages(labels: dict[str, str]) -> dict[str, str]:
    known = sorted({*languages(), *phone_languages()})
    for code in labels:
        if code not in known:
            raise refuse("language", at=[code], seen=code, known=", ".join(known))
    return labels


def _label_form(value: object) -> str:
    return "[languages]" if isinstance(value, Mapping) else "[text]"


Labels = Annotated[
    Annotated[Label, Tag("[text]")]
    | Annotated[dict[str, Label], Field(min_length=1), AfterValidator(_known_languages), Tag("[languages]")],
    Discriminator(_label_form),
]


class SpelledLevel(BaseModel):
    """One level of a scale of one's own."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    label: Labels = Field(description="What stands on the key: a text, or texts by language.")
    satisfied: bool = Field(description="Whether this level counts as satisfied in every figure.")


def _named(name: str) -> Scale:
    if name not in SCALES:
        close = get_close_matches(name[:64].lower(), SCALES, n=1, cutoff=0.5)
        raise refuse("scale_name", seen=name, suggestion=close[0] if close else "vn4", known=", ".join(SCALES))
    return SCALES[name]


def _spelled(levels: tuple[SpelledLevel, ...]) -> Scale:
    judged = [level.satisfied for level in levels]
    for index, satisfied in enumerate(judged[1:], start=1):
        if judged[index - 1] and not satisfied:
            raise refuse("scale_order", at=[index, "satisfied"], level=index)
    if all(judged) or not any(judged):
        raise refuse("scale_one_sided")
    return Scale(
        "own",
        tuple(Level(f"own_{index}", level.satisfied, labels=_pairs(level.label)) for index, level in enumerate(levels)),
    )


def _pairs(label: str | dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(label.items()) if isinstance(label, dict) else (("vi", label),)


def spell(scale: Scale) -> Any:
    """*scale* as the file would say it."""
    if SCALES.get(scale.id) == scale:
        return scale.id
    return [{"label": dict(level.labels), "satisfied": level.is_satisfied} for level in scale.levels]


def _form(value: object) -> str:
    if isinstance(value, Scale):
        return "[scale]"
    return "[levels]" if isinstance(value, list | tuple) else "[name]"


_Forms = Annotated[
    Annotated[str, AfterValidator(_named), Field(json_schema_extra={"enum": list(SCALES)}), Tag("[name]")]
    | Annotated[
        tuple[SpelledLevel, ...], Field(min_length=2, max_length=10), AfterValidator(_spelled), Tag("[levels]")
    ],
    Discriminator(_form),
]


ScaleField = Annotated[Scale, AsInTheFile(Scale, _Forms, spell=spell, made_of=SpelledLevel)]
