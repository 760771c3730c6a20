"""What is kept for a link that is away."""

import select
from collections.abc import Iterator

import pytest

from agent.event import Lane, Stream
from agent.uplink.mailbox import WORDS_WAITING, Mailbox
from agent.uplink.payload import Message


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    yield made
    made.close()


def everything(mailbox: Mailbox) -> list[Message]:
    taken = []
    while (message := mailbox.take()) is not None:
        taken.append(message)
    return taken


def test_of_a_retained_topic_only_the_newest_word_is_kept_and_it_goes_first(mailbox: Mailbox) -> None:
    result, old, new = (
        Message("result", b"1"),
        Message("info", b"old", is_retained=True),
        Message("info", b"new", is_retained=True),
    )
    for message in (result, old, new):
        mailbox.say(message)
    assert everything(mailbox) == [new, result]


def test_words_go_in_order_and_the_oldest_is_dropped(mailbox: Mailbox) -> None:
    words = [Message("result", str(number).encode()) for number in range(WORDS_WAITING + 3)]
    for word in words:
        mailbox.say(word)
    assert everything(mailbox) == words[3:]


def test_what_never_arrived_goes_before_what_came_later(mailbox: Mailbox) -> None:
    first, second, third = (Message("result", body) for body in (b"1", b"2", b"3"))
    mailbox.say(third)
    mailbox.put_back([first, second])
    assert everything(mailbox) == [first, second, third]


def test_putting_back_into_a_full_box_drops_the_oldest_and_never_the_newest(mailbox: Mailbox) -> None:
    words = [Message("result", str(number).encode()) for number in range(WORDS_WAITING)]
    for word in words:
        mailbox.say(word)
    mailbox.put_back([Message("result", b"older"), Message("result", b"old")])
    assert everything(mailbox) == words


def test_a_birth_forgets_what_it_says_anew_and_keeps_what_is_to_be_emptied(mailbox: Mailbox) -> None:
    gone = Message("up/health/camera", b"", is_retained=True)
    mailbox.say(Message("up/health/disk", b"{}", is_retained=True))
    mailbox.say(gone)
    mailbox.forget_retained()
    assert everything(mailbox) == [gone]


def test_replays_are_handed_over_once(mailbox: Mailbox) -> None:
    mailbox.replay(Stream("01J6X", Lane.RECORD), 3, 7)
    assert mailbox.take_replays() == [(Stream("01J6X", Lane.RECORD), 3, 7)]
    assert mailbox.take_replays() == []


def test_saying_something_wakes_whoever_waits_and_a_thousand_times_does_not_block(mailbox: Mailbox) -> None:
    assert select.select([mailbox.wake.reader], [], [], 0)[0] == []
    for _ in range(100_000):
        mailbox.wake.set()
    assert select.select([mailbox.wake.reader], [], [], 0)[0]
    mailbox.wake.clear()
    assert select.select([mailbox.wake.reader], [], [], 0)[0] == []


def test_a_closed_mailbox_may_still_be_spoken_into(mailbox: Mailbox) -> None:
    mailbox.close()
    mailbox.say(Message("result", b"1"))


def leisurely(mailbox: Mailbox) -> list[Message]:
    taken = []
    while (word := mailbox.take_leisurely()) is not None:
        taken.append(word.message)
    return taken


def test_what_goes_at_leisure_goes_over_its_own_link_or_not_at_all(mailbox: Mailbox) -> None:
    still = [Message("bulk/w-1-1/0", b"x"), Message("bulk/w-1-1/manifest", b"{}")]
    assert not mailbox.say_leisurely(still, link=0, answered=lambda: None)
    mailbox.open_link()
    link = mailbox.link
    assert link is not None
    assert mailbox.say_leisurely(still, link=link, answered=lambda: None)
    assert everything(mailbox) == []
    assert (mailbox.has_leisurely, leisurely(mailbox), mailbox.has_leisurely) == (True, still, False)
    assert mailbox.say_leisurely(still, link=link, answered=lambda: None)
    mailbox.close_link()
    mailbox.open_link()
    assert leisurely(mailbox) == []
    assert not mailbox.say_leisurely(still, link=link, answered=lambda: None)
