"""The birth certificate, `up/info`: what this counter is, what it is made of and what it can do."""

import platform
from collections.abc import Iterable
from pathlib import Path

from agent import __version__
from agent.fitted import keys_of, numbered
from agent.health import Health, Status
from agent.language import phone_language, phone_languages
from agent.rating.inspection.modes import ModeKind
from agent.rating.scale import Scale
from agent.settings import model
from agent.uplink.payload import Device, Egress, Hardware, Info, LevelUsed, ScaleUsed, Versions
from agent.uplink.topics import VERSION


def certificate(
    settings: model.Settings, *, health: Health, boot: str, capabilities: Iterable[str], mode: ModeKind | None = None
) -> Info:
    """What a counter with *settings* says of itself; *capabilities* are the commands it takes."""
    counter = settings.counter
    states = {report.component: report.condition.status for report in health.reports()}
    keypads = dict(zip(numbered("keypad"), settings.keypads, strict=False))
    cameras = dict(zip(numbered("camera"), settings.cameras, strict=False))
    displays = dict(zip(numbered("display"), settings.displays, strict=False))
    fitted: dict[str, model.Keypad | model.Camera | model.Display] = {**keypads, **displays, **cameras}
    return Info(
        versions=Versions(agent=__version__, protocol=VERSION, python=platform.python_version()),
        hardware=Hardware(machine=platform.machine(), model=board_model(), kernel=platform.release()),
        commune=counter.commune,
        name=counter.name,
        counter=counter.number,
        hotlines=list(counter.hotlines),
        language=counter.language,
        boot=boot,
        devices=[
            Device(component=name, driver=device.driver, state=states.get(name, Status.OFF))
            for name, device in fitted.items()
        ],
        cameras=[Egress(name=camera.name, egress=camera.egress) for camera in settings.cameras],
        capabilities=list(capabilities),
        config=settings.digest,
        mode=mode.value if mode is not None else None,
        scale=scale_used(settings.rating.scale),
        keymaps={name: keys_of(keypad).hash for name, keypad in keypads.items()},
    )


def scale_used(scale: Scale) -> ScaleUsed:
    """*scale* with its labels in every language there is: whoever shows it need not know it."""
    words = [phone_language(code) for code in phone_languages()]
    levels = [
        LevelUsed(id=level.id, satisfied=level.is_satisfied, labels={each.code: level.label(each) for each in words})
        for level in scale.levels
    ]
    return ScaleUsed(id=scale.id, hash=scale.hash, levels=levels)


def board_model(path: Path = Path("/proc/device-tree/model")) -> str:
    """What board this is; empty where the kernel does not say (anything but ARM boards)."""
    try:
        return path.read_text().rstrip("\0")
    except OSError:
        return ""
