"""The floors of the house: imports go down only. This table is the plan; the tests read the source and hold it to that.

A module may import the words, modules of its own room that stand on its own floor or below, and
what its line names. A new module of a known room needs no line; a new room gets one here.
"""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

FLOORS: list[tuple[str, dict[str, list[str]]]] = [
    (
        "words",  # seen by everybody
        {
            "agent": [],  # the package itself: its version
            "agent.alive": [],
            "agent.clock": [],
            "agent.data": [],
            "agent.errors": [],
            "agent.event": [],
            "agent.files": [],
            "agent.handover": [],
            "agent.health": [],
            "agent.kernel": [],
            "agent.language": [],
            "agent.memory": [],
            "agent.notify": [],
            "agent.panel": [],
            "agent.ranges": [],
            "agent.readings": [],
            "agent.service": [],
            "drivers": [],
            "drivers.base": [],
            "drivers.options": [],
        },
    ),
    (
        "rules",  # no input, no output
        {
            "drivers.registry": [],
            "drivers.keypad.framing": [],
            "agent.outbox.chain": [],
            "agent.rating.inspection.chord": [],
            "agent.rating.comment": [],
            "agent.rating.figures.daybook": [],
            "agent.rating.box": [],
            "agent.rating.desk": [],
            "agent.rating.inspection.findings": [],
            "agent.rating.inspection.guide": [],
            "agent.rating.inspection.inspection": [],
            "agent.rating.keypad.keys": [],
            "agent.rating.figures.opening": [],
            "agent.rating.figures.outages": [],
            "agent.rating.inspection.modes": [],
            "agent.rating.record": [],
            "agent.rating.scale": [],
            "agent.rating.urn": [],
            "agent.rating.phone.rotation": [],
            "agent.rating.phone.sealed": [],
            "agent.rating.phone.secret": [],
            "agent.rating.phone.sticker": [],
            "agent.rating.phone.visit": [],
            "agent.rating.figures.visitors": [],
            "agent.rating.phone.token": [],
            "agent.rating.figures.statistics": [],
            "agent.rating.figures.summary": ["agent.surveillance.coverage.coverage"],
            "agent.screen.planning.almanac": [],
            "agent.screen.planning.calendar": ["agent.rating.figures.opening", "agent.settings"],
            "agent.screen.glyphs": [],  # but for the font, which is a part of the program
            "agent.screen.code.legible": [],
            "agent.screen.code.qr": [],
            "agent.screen.scene": [],
            "agent.screen.theme": [],
            "agent.surveillance.cause": [],
            "agent.surveillance.polygon": [],
            "agent.surveillance.coverage.coverage": ["agent.rating.figures.opening"],
            "agent.uplink.backoff": [],
            "agent.uplink.batch": [],
            "agent.uplink.payload": [],
            "agent.uplink.topics": [],
            "agent.settings": [
                "agent.rating.scale",
                "agent.rating.phone.sticker",
                "agent.rating.phone.token",
                "agent.screen.planning.calendar",
                "agent.screen.glyphs",
                "agent.screen.code.legible",
                "agent.screen.scene",
                "agent.screen.theme",
                "drivers.registry",
            ],
        },
    ),
    (
        "hands",  # one device, one file, one line
        {
            "drivers.camera": [],
            "drivers.display": ["drivers.port"],
            "drivers.keypad": ["drivers.place", "drivers.port", "drivers.usb"],
            "drivers.panel": [],
            "drivers.place": ["drivers.usb"],
            "drivers.port": ["drivers.place"],
            "drivers.usb": [],
            "agent.outbox": [],
            "agent.uplink.session": [],
            "agent.uplink.tls": ["agent.settings"],
        },
    ),
    (
        "services",  # joined by `agent.app`, never by each other
        {
            "agent.rating": ["agent.settings", "drivers.registry"],
            "agent.surveillance": ["agent.settings", "agent.rating.figures.opening", "drivers.registry"],
            "agent.screen.kiosk": ["drivers.registry"],
            "agent.screen": [
                "agent.settings",
                "agent.rating.figures.opening",
                "agent.rating.phone.sticker",
                "agent.uplink.backoff",
                "agent.uplink.payload",
            ],
            "agent.uplink": ["agent.settings", "agent.outbox"],
            "agent.timekeeper": [],
            "agent.vitals": ["agent.outbox"],
            "agent.web": [
                "agent.settings",
                "agent.screen",
                "agent.rating.comment",
                "agent.rating.record",
                "agent.rating.scale",
                "agent.rating.phone.token",
                "agent.rating.urn",
                "agent.rating.phone.visit",
            ],
            "agent.province": [  # the other end of the line knows the line, the words of votes and what screens take
                "agent.outbox.chain",
                "agent.rating.scale",
                "agent.rating.phone.sealed",
                "agent.rating.phone.secret",
                "agent.rating.phone.sticker",
                "agent.rating.phone.token",
                "agent.rating.urn",
                "agent.rating.phone.visit",
                "agent.screen.content.manifest",
                "agent.screen.planning.emergency",
                "agent.screen.media.medium",
                "agent.screen.media.sniff",
                "agent.uplink.backoff",
                "agent.uplink.batch",
                "agent.uplink.payload",
                "agent.uplink.session",
                "agent.uplink.topics",
                "agent.web.rates",
            ],
        },
    ),
    ("supervisor", {"agent.supervisor": []}),
    (
        "composition root",
        {
            "agent.app": ["agent", "drivers"],
            "agent.birth": ["agent"],
            "agent.coverage": ["agent"],
            "agent.evidence": ["agent"],
            "agent.export": ["agent"],
            "agent.fitted": ["agent"],
            "agent.kiosk": ["agent", "drivers"],
            "agent.orders": ["agent"],
            "agent.pictures": ["agent"],
            "agent.portal": ["agent"],
            "agent.protocol": ["agent"],
            "agent.today": ["agent"],
            "agent.verify": ["agent"],
            "agent.wiring": ["agent", "drivers"],
        },
    ),
    (
        "command line",
        {
            "agent.__main__": ["agent", "drivers"],
            "agent.command": ["agent", "drivers"],
            "agent.demo": ["agent", "drivers"],
        },
    ),
]

CAMERA_CHILD = {
    "agent.surveillance.egress.backdrop",
    "agent.surveillance.recording.burn",
    "agent.surveillance.capture",
    "agent.surveillance.egress.clip",
    "agent.surveillance.decode",
    "agent.surveillance.presence.doorway",
    "agent.surveillance.seeing.eye",
    "agent.surveillance.presence.ground",
    "agent.surveillance.seeing.lookout",
    "agent.surveillance.luma",
    "agent.surveillance.presence.onset",
    "agent.surveillance.recording.recorder",
    "agent.surveillance.egress.faces",
    "agent.surveillance.egress.privacy",
    "agent.surveillance.egress.stills",
    "agent.surveillance.seeing.tamper",
    "agent.surveillance.seeing.view",
    "drivers.camera.room",
}
"""The modules of the camera's child process: they alone import what is heavy at their top."""
DARKROOM = {"agent.screen.media.document", "agent.screen.media.film", "agent.screen.media.picture"}
"""The same of the process that opens foreign files for the screen."""
KIOSK_EYE = {"agent.screen.kiosk.examine"}
"""The same of the process that looks at the picture of the screen."""
CHILDREN = CAMERA_CHILD | DARKROOM | KIOSK_EYE
HEAVY = {"av", "cv2", "numpy", "pypdfium2"}

Import = tuple[str, int, bool]
"""What is imported, on which line, and whether at the module's top."""


@cache
def sources() -> dict[str, Path]:
    """Every module of the product, by its dotted name."""
    found = {}
    for path in sorted([*ROOT.glob("agent/**/*.py"), *ROOT.glob("drivers/**/*.py")]):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(sources()[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> list[Import]:
    return list(_imports(tree(module), at_top=True))


def _imports(node: ast.AST, *, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, child.lineno, at_top) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            package = child.module or ""
            for alias in child.names:
                submodule = f"{package}.{alias.name}"
                yield (submodule if submodule in sources() else package), child.lineno, at_top
        else:
            deeper = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types_only(child)
            yield from _imports(child, at_top=at_top and not deeper)


def _is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def is_within(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


@cache
def place_of(module: str) -> tuple[int, str]:
    """The floor a module stands on and the line that puts it there: the longest that fits."""
    lines = [(floor, line) for floor, (_, rooms) in enumerate(FLOORS) for line in rooms]
    fitting = [(floor, line) for floor, line in lines if _holds(line, module)]
    assert fitting, f"{module} stands on no floor: give it a line in FLOORS"
    return max(fitting, key=lambda found: len(found[1]))


def _holds(line: str, module: str) -> bool:
    return module == line if line in ("agent", "drivers") else is_within(module, line)


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def may_import(module: str, other: str) -> bool:
    floor, line = place_of(module)
    other_floor, _ = place_of(other)
    if other_floor == 0:
        return True
    if room_of(module) == room_of(other):
        return other_floor <= floor
    return any(is_within(other, seen) for seen in FLOORS[floor][1][line])


def offences(is_wrong: Callable[[str, str, bool], bool]) -> list[str]:
    """Every import for which *is_wrong* (of module, what it imports, whether at its top), with its place."""
    return [
        f"{sources()[module].relative_to(ROOT)}:{line} imports {name}"
        for module in sources()
        for name, line, at_top in imports(module)
        if is_wrong(module, name, at_top)
    ]


def test_imports_go_down_only() -> None:
    assert offences(lambda module, name, _: name in sources() and not may_import(module, name)) == []


def test_the_table_itself_goes_down_only() -> None:
    """What a line names stands on a lower floor, or beside it as another room's open shelf."""
    for floor, (_, rooms) in enumerate(FLOORS):
        for line, seen in rooms.items():
            for other in set(seen) - {"agent", "drivers"}:
                assert place_of(other)[0] <= floor, f"{line} -> {other}"


def test_every_line_of_the_table_stands_for_something() -> None:
    lines = [line for _, rooms in FLOORS for line in rooms]
    planned = {"agent.__main__", "agent.demo"}
    assert [
        line for line in lines if line not in planned and not any(_holds(line, module) for module in sources())
    ] == []


def services() -> set[str]:
    """The modules that define a Service."""
    return {
        module
        for module in sources()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ClassDef) and "Service" in {ast.unparse(base).split(".")[-1] for base in node.bases}
    }


def test_a_service_is_known_to_its_own_room_and_to_the_composition_root_only() -> None:
    known = services()
    assert known, "no service was found: this test reads nothing"
    top = len(FLOORS) - 2

    def is_foreign(module: str, name: str, _at_top: bool) -> bool:
        return name in known and room_of(name) != room_of(module) and place_of(module)[0] < top

    assert offences(is_foreign) == []


def test_the_agent_never_imports_a_concrete_driver() -> None:
    def is_concrete(module: str, name: str, _at_top: bool) -> bool:
        # The demo is the owner of its simulated hardware.
        return (
            is_within(module, "agent")
            and not is_within(module, "agent.demo")
            and name.count(".") > 1
            and is_within(name, "drivers")
        )

    assert offences(is_concrete) == []


def test_nobody_imports_tests() -> None:
    assert offences(lambda _module, name, _at_top: is_within(name, "tests")) == []


def test_only_child_processes_import_heavy_libraries_at_its_top() -> None:
    def is_heavy(module: str, name: str, at_top: bool) -> bool:
        return at_top and module not in CHILDREN and (name.partition(".")[0] in HEAVY or name in CHILDREN)

    assert offences(is_heavy) == []


def test_the_whole_agent_is_imported_without_a_video_library() -> None:
    modules = [module for module in sources() if module not in CHILDREN and not module.endswith("__main__")]
    program = f"import sys, {', '.join(modules)}; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_way_from_a_key_to_the_outbox_starts_without_the_rest() -> None:
    """What is loaded before a press can be stored is what a citizen waits for after a power cut."""
    later = [
        "agent.surveillance",
        "agent.uplink.session",
        "agent.web",
        "paho",
        "PIL",
        "starlette",
        "uvicorn",
        "watchdog",
    ]
    program = f"import sys, agent.app; print(sorted({set(later)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
