"""What the documents promise is there: commands, files, versions."""

import re
import subprocess
from functools import cache
from pathlib import Path

import click
import pytest

from agent import __version__
from agent.__main__ import cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/keypads.md", "docs/qr.md", "docs/displays.md"]

UNWANTED = re.compile(r"\b(\w*Manager|\w*Helper|\w*Handler|TODO|FIXME|XXX)\b")
"""Names that say nothing, and work left for later."""
NAMED_BY_OTHERS = re.compile(
    r"ContextManager|GetCoreSchemaHandler|contextmanager|ModemManager|NetworkManager|StreamHandler|MemoryHandler"
    r"|FileSystemEventHandler|logging\.Handler|addHandler|BaseHTTPRequestHandler|WatchedFileHandler"
)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code_in(name: str) -> list[str]:
    """The lines of a document's code blocks, and its `inline code`."""
    text = text_of(name)
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.S | re.M)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    return [line.strip() for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", prose)


@cache
def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_a_document_names_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), flags=re.M))
    named = {target for line in code_in(document) for target in re.findall(r"\bmake ([a-z-]+)", line)}
    assert named - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_a_document_names_exists(document: str) -> None:
    unknown = []
    for line in code_in(document):
        for words in re.findall(r"\bcounter-agent((?: [a-z]+)+)", line):
            command: click.Command | None = cli
            for word in words.split():
                if not isinstance(command, click.Group):
                    break
                command = command.get_command(click.Context(command), word)
                if command is None:
                    unknown.append(f"counter-agent{words}")
    assert unknown == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str) -> None:
    tops = {path.name for path in ROOT.iterdir()}
    text = text_of(document)
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)\s#]+)", text)
    named = [str(Path(document).parent / link) for link in links]
    named += [
        code for code in code_in(document) if re.fullmatch(r"[\w./-]+/[\w./-]*", code) and code.split("/")[0] in tops
    ]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_changelog_tells_of_this_version_first() -> None:
    versions = re.findall(r"^## \[([^\]]+)\]", text_of("CHANGELOG.md"), flags=re.M)
    assert versions[0] == __version__


def test_every_example_stands_in_a_document() -> None:
    said = "".join(text_of(name) for name in DOCUMENTS)
    assert [path.name for path in sorted(ROOT.glob("config/*.yaml")) if path.name not in said] == []


def test_the_source_has_no_empty_names_and_nothing_left_for_later() -> None:
    """In names and comments; what a string says to a technician is not meant."""
    found = []
    for name in tracked():
        if not name.endswith(".py") or not name.startswith(("agent/", "drivers/")):
            continue
        for number, line in enumerate(text_of(name).splitlines(), start=1):
            if UNWANTED.search(NAMED_BY_OTHERS.sub("", line)):
                found.append(f"{name}:{number}: {line.strip()}")
    assert found == []


def test_no_file_is_named_after_nothing() -> None:
    assert [name for name in tracked() if re.search(r"(^|/)(utils?|helpers?|misc|common)(\.py|/)", name)] == []


@pytest.mark.parametrize("lock", ["config/requirements.txt", "config/requirements-dev.txt"])
def test_a_lock_names_no_registry_and_no_place_on_a_machine(lock: str) -> None:
    text = text_of(lock)
    assert re.findall(r"^.*(?:https?://|file:|index-url|find-links|/home/|/root/|/opt/).*$", text, flags=re.M) == []
    pinned = re.findall(r"^[a-z0-9][^\s=]*==", text, flags=re.M)
    assert len(pinned) > 30
    assert text.count("--hash=sha256:") >= len(pinned)
