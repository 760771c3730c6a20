"""The keeper of one keypad: opens it, hands its presses on, and says what is wrong with it.

One thread a keypad. An absent keypad is looked for at short, jittered intervals for as long as it
takes; a fault that a person must mend is looked at again every half minute. It is back when it could
be read, not when it could be opened, so one that opens and hangs up is told once. A press is never
dropped: while nobody takes it the keeper holds it and the wire behind it buffers. Health tells the
cause, not its echo: what was unplugged stays "unplugged" though every later look finds it "missing".
A key that is held down is told to nobody but health: it is no press. Which key is stuck stays here as
well, for whoever leans on a key has a level.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable

from agent.health import OK, Condition, Health, Status
from agent.rating.keypad.keys import Contact, Fault, Keys
from agent.service import Service, look_again_s
from drivers.base import DriverError, DriverFault, Keypad, Press, Remark

log = logging.getLogger(__name__)

READ_S = 0.5
LAST_LOOK_S = 5.0
THANKS_S = 2.0
THANKS_READ_S = 0.05
"""After a press the keypad is read in short turns, so that the thanks, if it can show them, come at once."""
ABSENT_LOOK_S = 1.0
"""Looking for an absent keypad costs next to nothing, and it shall work within two seconds of its return."""
FAULT_LOOK_S = 30.0

ECHOES = ("KEYPAD_UNPLUGGED", "KEYPAD_MISSING")
ABSENT = (*ECHOES, "KEYPAD_STOLEN")
TOLD = (
    *ABSENT,
    "KEYPAD_AMBIGUOUS",
    "KEYPAD_BUSY",
    "KEYPAD_DENIED",
    "KEYPAD_GRABBED",
    "KEYPAD_HELD",
    "KEYPAD_LIBRARY",
    "KEYPAD_PIN_BUSY",
    "KEYPAD_SILENT",
    "KEYPAD_WRONG_PORT",
)
REMARKS = ("KEYPAD_MOVED", "KEYPAD_SHARED", "KEYPAD_TAMPER", "KEYPAD_UNKNOWN_DEVICE")
"""The drivers' codes that have words of their own; any other is told as `KEYPAD_FAULT`, its text is in the log."""
FAULTS = {
    Fault.NOISE: Condition(Status.DEGRADED, "KEYPAD_NOISE"),
    Fault.STUCK: Condition(Status.DEGRADED, "KEYPAD_STUCK"),
}


class KeypadService(Service):
    """Keeps one keypad: `keypad`, `keypad-2`, …; the name is also its component in health."""

    def __init__(
        self,
        name: str,
        make: Callable[[], Keypad],
        deliver: Callable[[Press], None],
        *,
        keys: Keys,
        health: Health,
    ) -> None:
        """*make* builds the driver without touching the device.

        *deliver* takes a press or raises `queue.Full` after a moment without room. It gets every press as
        the wire gave it; *keys* only tell this keeper what is noise and what is stuck.
        """
        super().__init__()
        self.name = name
        self._make = make
        self._deliver = deliver
        self._keys = keys
        self._health = health
        self._lost_at: float | None = None
        self._told: Condition | None = None
        self._looks = 0
        self._losses = 0
        self._stored = threading.Event()
        self._press_at = float("-inf")

    def thank(self) -> None:
        """A rating from this keypad was stored: have it say so. Callable from any thread, returns at once."""
        self._stored.set()

    def run(self, stop: threading.Event) -> None:
        keypad = self._make()
        while not stop.is_set():
            self.progress.beat()
            wait_s = 0.0
            try:
                keypad.open()
                self._listen(keypad, stop)
            except DriverError as error:
                self._lost(error)
                wait_s = self._pause_s(error)
            finally:
                keypad.close()
            self.rest(wait_s, stop)

    def _listen(self, keypad: Keypad, stop: threading.Event) -> None:
        """Hand presses on until *stop*.

        Raises:
            DriverError: the keypad is lost.
        """
        contact = Contact(self._keys)
        self._stored.clear()
        while not stop.is_set():
            self.progress.beat()
            press = keypad.read(READ_S if time.monotonic() - self._press_at >= THANKS_S else THANKS_READ_S)
            if keypad.is_heard and (self._lost_at is not None or self._told is None):
                self._found()
            if press is not None and press.is_held:
                contact.hold(press.code, press.at_monotonic)
            elif press is not None:
                contact.feel(press.code, press.at_monotonic)
                self._hand_over(press, stop)
                self._press_at = time.monotonic()
            if self._stored.is_set():
                self._stored.clear()
                keypad.acknowledge()
            if keypad.possible_losses > self._losses:
                self._losses = keypad.possible_losses
                log.warning("%s: presses may have been lost %d times: nobody read in time", self.name, self._losses)
            if keypad.is_heard:
                self._judge(contact.fault(time.monotonic()), keypad.remark)

    def _hand_over(self, press: Press, stop: threading.Event) -> None:
        while True:
            try:
                self._deliver(press)
            except queue.Full:
                self.progress.beat()
                if stop.is_set():
                    log.error("%s: stopped with a press in hand that nobody took", self.name)
                    return
            else:
                return

    def _judge(self, fault: Fault | None, remark: Remark | None) -> None:
        """Tell what is wrong or odd with the open keypad, once when it begins and once when it ends."""
        condition = OK
        if fault is not None:
            condition = FAULTS[fault]
        elif remark is not None and remark.code in REMARKS:
            condition = Condition(Status.DEGRADED, remark.code, remark.values)
        if condition != self._told:
            if condition == OK:
                log.info("%s works again", self.name)
            else:
                log.warning("%s: %s", self.name, " ".join((condition.code, *condition.values.values())))
            self._tell(condition)

    def _found(self) -> None:
        if self._lost_at is None:
            log.info("%s is open", self.name)
        else:
            log.info("%s is back after %.1f s and %d looks", self.name, time.monotonic() - self._lost_at, self._looks)
        self._lost_at, self._looks = None, 0
        self._tell(OK)

    def _lost(self, error: DriverError) -> None:
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        self._looks += 1
        code = error.code if error.code in TOLD else "KEYPAD_FAULT"
        condition = Condition(Status.FAILED, code, error.values if code == error.code else {})
        is_echo = self._told is not None and self._told.code in ABSENT and code in ECHOES
        if condition != self._told and not is_echo:
            log.warning("%s is lost (%s): %s", self.name, error.code, error)
            self._tell(condition)

    def _tell(self, condition: Condition) -> None:
        self._told = condition
        self._health.report(self.name, condition)

    def _pause_s(self, error: DriverError) -> float:
        """Seconds until the next look, by what is wrong."""
        if isinstance(error, DriverFault):
            return FAULT_LOOK_S
        return look_again_s(self._looks, cap_s=ABSENT_LOOK_S if error.code in ABSENT else LAST_LOOK_S)
