"""The gate for phones: which address is shown, who is let in, and what health says when there is no code."""

import base64
import logging
import threading
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.clock import ClockQuality, ManualClock
from agent.health import Condition, Health, Status
from agent.language import language
from agent.rating.phone.gate import Gate, SecretUnusable
from agent.rating.phone.secret import QrKeys
from agent.rating.phone.sticker import mark_of
from agent.rating.phone.token import Refusal, Token, TokenRefused, mint, read, verify
from agent.settings.model import Qr

URL = "HTTPS://DANHGIA.NGHEAN.EXAMPLE/R/"
SECRET = base64.b64encode(bytes(range(32))) + b"\n"


class Counter:
    """A counter's gate, its secret on the disk, its clock."""

    def __init__(self, folder: Path, mode: str = "local", rotate_s: int = 60) -> None:
        self.file = folder / "qr.key"
        self.write(SECRET)
        self.clock = ManualClock(datetime(2026, 9, 1, 8, 15, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")))
        self.health = Health(self.clock)
        self.settings = Qr.model_validate({"mode": mode, "url": URL, "secret_file": self.file, "rotate_s": rotate_s})
        self.restart()

    def restart(self) -> None:
        self.gate = Gate(self.settings, "na-0123", clock=self.clock, health=self.health)

    def write(self, secret: bytes, mode: int = 0o600) -> None:
        new = self.file.with_name("new")
        new.write_bytes(secret)
        new.chmod(mode)
        new.replace(self.file)

    def shown(self) -> str:
        """The token in the address on the screen."""
        address = self.gate.address()
        assert address is not None
        assert address.startswith(URL)
        return address.removeprefix(URL)

    def passes(self, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            self.clock.advance(0.5)
            self.gate.address()

    @property
    def condition(self) -> Condition:
        (report,) = self.health.reports()
        assert report.component == "qr"
        assert report.words(language("vi"))[0]
        return report.condition

    def refuses(self, text: str) -> Refusal:
        with pytest.raises(TokenRefused) as refused:
            self.gate.admit(text)
        return refused.value.reason


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


def test_a_phone_that_scans_the_screen_is_let_in_and_has_ten_minutes(counter: Counter) -> None:
    token, ticket = counter.gate.admit(counter.shown().lower())
    counter.passes(599)
    assert counter.gate.answering(ticket) == token
    counter.passes(1)
    with pytest.raises(TokenRefused, match="expired"):
        counter.gate.answering(ticket)


def test_a_photograph_used_late_is_refused(counter: Counter) -> None:
    photograph = counter.shown()
    counter.passes(90)
    assert counter.refuses(photograph) is Refusal.EXPIRED


def test_two_phones_may_open_one_token_and_answer_as_the_same_token(counter: Counter) -> None:
    """Which of them is counted is for the ballot box to say: it takes a token once."""
    shown = counter.shown()
    (one, ticket), (other, twin) = counter.gate.admit(shown), counter.gate.admit(shown)
    assert one == other == counter.gate.answering(ticket) == counter.gate.answering(twin)


def test_the_next_in_the_queue_is_shown_another_token(counter: Counter) -> None:
    shown = counter.shown()
    counter.gate.admit(shown)
    assert counter.shown() == shown
    counter.clock.advance(10)
    assert counter.shown() != shown


def test_a_token_and_a_ticket_of_another_counter_are_refused(counter: Counter) -> None:
    keys = QrKeys.from_secret(SECRET, agent="na-0456")
    slot = int(counter.clock.now().timestamp()) // 60
    assert counter.refuses(mint(keys, Token(keys.device, slot, b"ab"))) is Refusal.UNKNOWN
    assert counter.refuses("A" * 29) is Refusal.MALFORMED


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=400)])
def test_at_the_counter_itself_no_clock_that_is_set_shuts_anybody_out(counter: Counter, jump: timedelta) -> None:
    counter.clock.set_wall(counter.clock.now(), ClockQuality.NONE)
    shown = counter.shown()
    counter.clock.set_wall(counter.clock.now() + jump)
    counter.gate.address()
    _, ticket = counter.gate.admit(shown)
    counter.clock.set_wall(counter.clock.now() - jump)
    counter.passes(500)
    counter.gate.answering(ticket)
    assert counter.condition.code == "OK"


def test_who_scanned_just_before_a_restart_is_let_in_after_it(counter: Counter) -> None:
    shown = counter.shown()
    _, ticket = counter.gate.admit(shown)
    counter.clock.advance(45)
    counter.restart()
    counter.gate.admit(shown)
    counter.gate.answering(ticket)


def test_the_portal_reads_what_the_counter_shows(tmp_path: Path) -> None:
    counter = Counter(tmp_path, "portal", 600)
    keys = QrKeys.from_secret(SECRET, agent="na-0123")
    token = read(counter.shown(), {keys.device: keys}.get, now=counter.clock.now().timestamp())
    assert token.rotate_s == 600
    assert counter.condition.status is Status.OK


def test_for_the_portal_nothing_is_shown_while_the_clock_cannot_be_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    counter = Counter(tmp_path, "portal")
    counter.clock.set_wall(counter.clock.now(), ClockQuality.FLOOR)
    for _ in range(3):
        assert counter.gate.address() is None
    assert (counter.condition.status, counter.condition.code) == (Status.DEGRADED, "QR_CLOCK")
    counter.clock.set_wall(counter.clock.now(), ClockQuality.NTP)
    assert counter.gate.address() is not None
    assert counter.condition.code == "OK"
    assert len(caplog.records) == 2, "one line when lost, one when back"


@pytest.mark.parametrize(
    ("secret", "mode", "code"),
    [
        (None, 0o600, "QR_SECRET_UNREADABLE"),
        (SECRET, 0o644, "QR_SECRET_OPEN"),
        (SECRET, 0o620, "QR_SECRET_OPEN"),
        (b"short\n", 0o600, "QR_SECRET_SHORT"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_and_taken_up_again_once_it_is_mended(
    counter: Counter, secret: bytes | None, mode: int, code: str
) -> None:
    counter.shown()
    if secret is None:
        counter.file.unlink()
    else:
        counter.write(secret, mode)
    assert counter.gate.address() is None
    assert (counter.condition.status, counter.condition.code) == (Status.FAILED, code)
    with pytest.raises(SecretUnusable):
        counter.gate.admit("A" * 29)
    counter.write(SECRET)
    assert counter.gate.address() is not None
    assert counter.condition.code == "OK"


def test_a_credential_that_its_group_may_read_is_used(counter: Counter) -> None:
    """So systemd hands them to a service that is not root."""
    counter.write(SECRET, 0o440)
    assert counter.gate.address() is not None


def test_a_new_secret_is_taken_up_and_what_the_old_one_signed_is_void(counter: Counter) -> None:
    shown = counter.shown()
    counter.write(b"another secret of more than 32 bytes")
    assert counter.refuses(shown) is Refusal.FORGED
    keys = QrKeys.from_secret(b"another secret of more than 32 bytes", agent="na-0123")
    verify(counter.shown(), {keys.device: keys}.get)


def test_a_static_code_needs_no_secret_and_never_changes(tmp_path: Path) -> None:
    counter = Counter(tmp_path, "static")
    counter.file.unlink()
    counter.clock.set_wall(counter.clock.now(), ClockQuality.NONE)
    assert counter.gate.address() == URL + mark_of("na-0123")
    assert counter.gate.lasts_s is None
    assert counter.condition.code == "OK"
    with pytest.raises(SecretUnusable):
        counter.gate.admit("A" * 29)


def test_no_log_line_and_no_complaint_shows_the_secret(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    counter.write(SECRET[:20])
    counter.gate.address()
    assert SECRET[:20].decode() not in caplog.text + str(counter.condition)


def test_phones_and_screen_may_ask_at_once(counter: Counter) -> None:
    shown, tickets = counter.shown(), []
    threads = [threading.Thread(target=lambda: tickets.append(counter.gate.admit(shown))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len({token for token, _ in tickets}) == 1
    assert len(tickets) == 4
