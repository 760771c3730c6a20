import pytest

from agent.language import language, languages
from agent.rating.scale import SCALES, VN3, VN4, VN5, Level, Scale


@pytest.mark.parametrize("scale", SCALES.values(), ids=lambda scale: scale.id)
def test_a_scale_of_the_house_has_as_many_levels_as_its_name_says(scale: Scale) -> None:
    assert len(scale.levels) == int(scale.id[-1])
    assert 0 in scale
    assert scale.best in scale
    assert scale.best + 1 not in scale
    assert -1 not in scale


def test_neutral_is_not_satisfied() -> None:
    assert VN3.satisfied == {1, 2}
    assert VN4.satisfied == {2, 3}
    assert VN5.satisfied == {3, 4}


@pytest.mark.parametrize("code", languages())
def test_every_level_has_a_label_of_its_own_in_every_language(code: str) -> None:
    for scale in SCALES.values():
        labels = [level.label(language(code)) for level in scale.levels]
        assert len(set(labels)) == len(labels)


def test_a_spelled_level_without_this_language_says_its_first_text() -> None:
    level = Level("own_0", is_satisfied=False, labels=(("vi", "Kém"), ("xx", "Bad")))
    assert level.label(language("vi")) == "Kém"
    assert level.label(language("en")) == "Kém"


def test_the_hash_is_the_same_for_ever_and_tells_meanings_apart() -> None:
    assert {scale.id: scale.hash for scale in SCALES.values()} == {
        "vn3": VN3_HASH,
        "vn4": VN4_HASH,
        "vn5": VN5_HASH,
    }
    turned = Scale("vn4", tuple(reversed(VN4.levels)))
    assert turned.hash != VN4.hash


VN3_HASH = "51780f70ec599587"
VN4_HASH = "41c5aa0b835bf330"
VN5_HASH = "ea9e5e57ff590cc9"
