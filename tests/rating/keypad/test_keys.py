"""New presses, repeats, garbage and stuck keys, told apart by moments that are handed in."""

from agent.rating.keypad.keys import NOISE_COUNT, NOISE_WINDOW_S, SILENCE_S, Contact, Fault, Keys, Touch

KEYS = Keys({"31": 3, "34": 0}, repeat_gap_s=0.3, stuck_s=10.0)


def hold(contact: Contact, code: str, *, start: float, seconds: float, every_s: float) -> list[Touch]:
    """Hold a key: what the contact rule says of each payload."""
    return [contact.feel(code, start + step * every_s) for step in range(round(seconds / every_s) + 1)]


def test_a_held_key_is_one_press_and_every_repeat_extends_it() -> None:
    touches = hold(Contact(KEYS), "31", start=0, seconds=5, every_s=0.25)
    assert touches == [Touch.PRESS] + [Touch.REPEAT] * 20


def test_the_same_key_after_the_repeat_gap_is_a_new_press() -> None:
    contact = Contact(KEYS)
    assert [contact.feel("31", at) for at in (0.0, 0.3, 0.5, 0.8)] == [
        Touch.PRESS,
        Touch.PRESS,
        Touch.REPEAT,
        Touch.PRESS,
    ]


def test_another_key_inside_the_repeat_gap_is_a_press_of_its_own() -> None:
    contact = Contact(KEYS)
    assert [contact.feel(code, at) for code, at in (("31", 0), ("34", 0.05), ("31", 0.1))] == [
        Touch.PRESS,
        Touch.PRESS,
        Touch.REPEAT,
    ]


def test_a_payload_outside_the_map_is_garbage_even_when_it_repeats() -> None:
    contact = Contact(KEYS)
    assert [contact.feel("35", at) for at in (0, 0.1, 0.2)] == [Touch.GARBAGE] * 3


def test_a_key_repeating_for_long_is_stuck_and_silent_until_two_seconds_of_silence() -> None:
    contact = Contact(KEYS)
    touches = hold(contact, "31", start=0, seconds=12, every_s=0.1)
    assert touches[99] is Touch.REPEAT
    assert set(touches[100:]) == {Touch.STUCK}
    assert contact.fault(12.0) is Fault.STUCK
    assert contact.feel("31", 13.9) is Touch.STUCK
    assert contact.fault(13.9 + SILENCE_S) is None
    assert contact.feel("31", 13.9 + SILENCE_S) is Touch.PRESS


def test_pressing_one_key_again_and_again_is_not_a_stuck_key() -> None:
    contact = Contact(KEYS)
    assert set(hold(contact, "31", start=0, seconds=60, every_s=0.5)) == {Touch.PRESS}
    assert contact.fault(60.0) is None


def test_a_stuck_key_leaves_the_others_working() -> None:
    contact = Contact(KEYS)
    hold(contact, "31", start=0, seconds=12, every_s=0.1)
    assert contact.feel("34", 12.05) is Touch.PRESS
    assert contact.feel("31", 12.1) is Touch.STUCK


def test_much_garbage_is_noise_until_it_is_rare_again() -> None:
    contact = Contact(KEYS)
    for step in range(NOISE_COUNT):
        assert contact.fault(step) is None
        contact.feel("ff", step)
    assert contact.fault(NOISE_COUNT) is Fault.NOISE
    assert contact.fault(NOISE_WINDOW_S) is None


def test_the_hash_is_of_the_map_alone_and_of_its_every_key() -> None:
    assert Keys({"31": 3, "34": 0}).hash == Keys({"34": 0, "31": 3}, repeat_gap_s=1, stuck_s=5).hash
    assert len({Keys(levels).hash for levels in ({"31": 3, "34": 0}, {"31": 0, "34": 3}, {"31": 3}, {})}) == 4
    assert len(KEYS.hash) == 16


def test_a_key_that_says_it_is_still_down_is_no_new_press_and_stuck_after_a_while() -> None:
    contact = Contact(KEYS)
    contact.hold("31", 0.0)  # never pressed: nothing to hold
    assert contact.feel("31", 1.0) is Touch.PRESS
    for step in range(20):
        contact.hold("31", 1.5 + step * 0.5)
    assert contact.fault(11.0) is Fault.STUCK
    assert contact.feel("34", 11.1) is Touch.PRESS
    assert contact.feel("31", 11.2) is Touch.STUCK
    assert contact.fault(11.2 + SILENCE_S) is None
    assert contact.feel("31", 11.2 + SILENCE_S) is Touch.PRESS
