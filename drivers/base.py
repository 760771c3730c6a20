"""What every driver promises, and the records it hands over.

A driver is one device used by one thread. Its constructor checks options and touches no hardware;
`open` and `read` act; `close` is idempotent and safe after a failed `open`. Two families of errors:
`DriverNotReady` (it may come back by itself: the caller waits and opens again) and `DriverFault`
(a person must act). Drivers never import the agent.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from drivers.options import CameraOptions as CameraOptions  # noqa: PLC0414 - handed on
    from drivers.options import KeypadOptions as KeypadOptions  # noqa: PLC0414 - handed on
    from drivers.options import Options as Options  # noqa: PLC0414 - handed on
    from drivers.options import refuse as refuse  # noqa: PLC0414 - handed on


def __getattr__(name: str) -> Any:
    """What stands in `drivers.options` is to be had here, and is loaded when it is asked for."""
    if name in ("CameraOptions", "KeypadOptions", "Options", "refuse"):
        return getattr(import_module("drivers.options"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def elsewhere(module: str, name: str) -> Any:
    """For a class's attribute: the class called *name* in *module*, which is loaded when it is asked for."""
    return _Elsewhere(module, name)


class _Elsewhere:
    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return getattr(import_module(self._module), self._name)


class DriverError(Exception):
    """A device's refusal. `code` and `values` name the condition for health; the text is for the log."""

    def __init__(self, code: str, text: str, /, **values: str) -> None:
        super().__init__(text)
        self.code = code
        self.values = values


class DriverNotReady(DriverError):
    """The device is away or silent; try again later."""


class DriverFault(DriverError):
    """Trying again will not help: wrong options, missing rights, a broken device."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says it is; empty where it does not say."""

    maker: str = ""
    model: str = ""
    serial: str = ""
    where: str = ""
    """The port, path or address it was found at."""


class Driver(ABC):
    """One device, used by one thread.

    A driver module is imported to check its options, also where its device will never be: what is
    slow or may be missing (`av`, `cv2`, `gpiozero`) is imported in `open`, not at the top.
    """

    Options: ClassVar[type["Options"]] = elsewhere("drivers.options", "Options")

    def __init__(self, options: Any) -> None:  # noqa: B027 - says what every driver takes; each keeps its own
        """Keep *options*, an instance of this class's `Options`; touch nothing."""

    @abstractmethod
    def open(self) -> None:
        """Take the device.

        Raises:
            DriverNotReady: it is not there or does not answer yet.
            DriverFault: a person must act.
        """

    @abstractmethod
    def close(self) -> None:
        """Let the device go. Idempotent; safe after a failed `open`."""

    @abstractmethod
    def probe(self) -> Identity:
        """Say what was opened, within a second."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Press:
    """One payload from a keypad, as the wire gave it."""

    code: str
    """The payload in lower-case hexadecimal; what it means is the key map's business."""
    at_monotonic: float
    """`time.monotonic()` when its last byte was read."""
    is_held: bool = False
    """No press: a key pressed before is still down."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a person should know of a keypad that works: a code for health, and its words' values."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a keypad's keys were found to send, and the options under which they do."""

    codes: tuple[str, ...]
    """The payload of each key, in the order in which they were pressed."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options that have to change, as the configuration file writes them."""


class Keypad(Driver):
    """A device with keys."""

    key_names: ClassVar[Mapping[str, str]] = {}
    """Names that the key map may use instead of payloads in hex (`KEY_KP1`, `GPIO5`), and what they stand for."""

    @abstractmethod
    def read(self, timeout_s: float) -> Press | None:
        """The next press, or None when nothing was pressed in *timeout_s* seconds.

        Raises:
            DriverNotReady: the device went away (unplugged); `close` and `open` again.
        """

    def acknowledge(self) -> None:
        """Show at the keypad that a rating was stored: the same whatever was pressed.

        Raises:
            DriverNotReady: the device went away; `close` and `open` again.
        """

    @property
    def is_heard(self) -> bool:
        """Whether the device has shown since `open` that it is there; where a `read` that works is proof, always."""
        return True

    @property
    def possible_losses(self) -> int:
        """How often, since construction, presses may have been lost on the way without a trace."""
        return 0

    @property
    def remark(self) -> Remark | None:
        """What is odd though it works, at this moment."""
        return None


@dataclass(frozen=True, slots=True)
class Codec:
    """What a decoder or a recorder must know beside the packets."""

    name: str
    """FFmpeg's name of the format: `h264`, `hevc`, `mjpeg`."""
    extradata: bytes = b""
    """Parameter sets kept outside the packets (MP4, MKV); empty where the packets carry them."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One coded picture from a camera."""

    data: object
    """The demuxer's or encoder's own packet (`av.Packet`)."""
    size_bytes: int
    is_keyframe: bool
    at_monotonic: float
    """`time.monotonic()` when it arrived."""


class Camera(Driver):
    """A device that delivers coded video. Used only inside the camera's child process.

    `read` may block for good in native code: the child is killed from outside when it does.
    """

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """One with options that the agent judged already, and sent to the child as JSON has them."""
        return cls(cls.Options.model_validate(values))

    @property
    @abstractmethod
    def codec(self) -> Codec:
        """How the packets are coded; known once `open` returned, the same until `close`."""

    @abstractmethod
    def read(self) -> Packet:
        """Block for the next packet.

        Raises:
            DriverNotReady: the stream ended or broke; `close` and `open` again.
        """


@dataclass(frozen=True, slots=True)
class Card:
    """What a QR display shows, in the two ways in which there are displays: as words to set, and as a picture."""

    code: str | None
    """The text of the QR; None: there is none to scan now."""
    words: tuple[str, ...]
    """Short lines for people, the most important first."""
    picture: Callable[[int, int], bytes] = field(compare=False)
    """All of it drawn for (width, height) in pixels: rows from the top, three bytes a pixel: red, green, blue."""


class Display(Driver):
    """A small display that has nothing to do but to show the rating QR."""

    is_page: ClassVar[bool] = False
    """Whether a browser shows it, on the box's page `/qr`, which must then be looked for instead of a device."""

    @abstractmethod
    def show(self, card: Card) -> None:
        """Show *card* until the next one; the same again repairs what somebody else wrote over it.

        Raises:
            DriverNotReady: the device went away; `close` and `open` again.
            DriverFault: it can not show such a card.
        """


@dataclass(frozen=True, slots=True)
class PanelState:
    """How a panel is, or how it should be."""

    is_on: bool | None = None
    """None: it does not say, or may be as it likes."""
    turn: int | None = None
    """Degrees clockwise by which the picture is turned: 0, 90, 180 or 270. None: not this driver's business."""


class Panel(Driver):
    """What switches the big screen on and off. It is looked at again and again, and set where it is not as it should
    be: televisions forget what they were told."""

    @abstractmethod
    def look(self) -> PanelState:
        """How it is now.

        Raises:
            DriverNotReady: nothing that could be switched is there now.
            DriverFault: a person must act.
        """

    @abstractmethod
    def set(self, wanted: PanelState) -> None:
        """Make it so, as far as this driver can; what is None stays as it is. Raises as `look` does."""
