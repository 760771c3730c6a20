"""The rating page's words: every language whole, and every answer of every scale among them."""

import re
from pathlib import Path

import pytest

from agent.language import phone_language, phone_languages
from agent.rating.phone.visit import Ground
from agent.rating.record import Reason
from agent.rating.scale import SCALES
from tests.test_messages import placeholders

TEMPLATES = Path(__file__).parents[1] / "agent/web/templates/phone"


def test_vietnamese_and_english_are_there() -> None:
    assert {"vi", "en"} <= set(phone_languages())


@pytest.mark.parametrize("code", phone_languages())
def test_a_language_has_every_word_of_the_others_with_the_same_placeholders(code: str) -> None:
    ours, theirs = phone_language(code), phone_language("vi")
    assert ours.keys() == theirs.keys()
    assert [key for key in ours.keys() if placeholders(ours.template(key)) != placeholders(theirs.template(key))] == []  # noqa: SIM118
    assert all(ours.template(key).strip() for key in ours.keys())  # noqa: SIM118


@pytest.mark.parametrize("code", phone_languages())
def test_every_answer_reason_and_refusal_has_words(code: str) -> None:
    known = set(phone_language(code).keys())
    needed = {f"reason.{reason.value}" for reason in Reason}
    needed |= {f"refused.{ground.value}.{part}" for ground in Ground for part in ("title", "text")}
    needed |= {f"level.{level.id}" for scale in SCALES.values() for level in scale.levels}
    for template in TEMPLATES.glob("*.html"):
        needed |= set(re.findall(r'text\("([a-z_.]+)"[,)]', template.read_text("utf-8")))
    assert sorted(needed - known) == []
