"""Reading a configuration file: `Settings`, or every problem in it at its line.

The same code reads at boot, at a reload, and for `check`; it opens nothing but the file itself.
A file is small: what is larger than `LIMIT_BYTES` is refused before it is parsed.
"""

import codecs
import re
from pathlib import Path
from typing import Any

from agent.errors import SystemReason
from agent.language import Language, language, languages
from agent.settings.document import Document, Finding, read
from agent.settings.explain import Word
from agent.settings.judge import judge
from agent.settings.model import Settings
from agent.settings.problem import LINE_BREAK, Problem, SettingsError, spell

LIMIT_BYTES = 256 * 1024
"""The largest file that is read; a configuration with every key explained has about 8 KiB."""

_NOWHERE = {"empty_file", "missing_section"}
"""Findings about what is not there: no line to quote."""
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What YAML does not allow in a file; also the byte order mark, which may only come first."""


def load(path: Path, *, running: Settings | None = None) -> Settings:
    """The settings in the file at *path*.

    With *running* settings, a change of a value that needs a restart is a problem too.

    Raises:
        SettingsError: the file cannot be read, or something in it is wrong.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            text = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        words = _words(b"", None, running)
        if isinstance(error, FileNotFoundError):
            code, values = "file_missing", {}
        else:
            code, values = "file_unreadable", {"text": SystemReason.of(error)}
        raise SettingsError([Problem(name, 0, 0, "", words.text(f"config.{code}", **values))]) from error
    return parse(text, name, running=running)


def parse(text: bytes, name: str, *, running: Settings | None = None) -> Settings:
    """The settings in *text*; *name* stands for the file in problems.

    Raises:
        SettingsError: something in it is wrong.
    """
    source, findings = _decode(text)
    document = Document()
    settings = None
    if not findings:
        document = read(source)
        settings, findings = judge(document, running)
    if settings is not None:
        return settings
    words = _words(text[:LIMIT_BYTES], document, running)
    lines = LINE_BREAK.split(source)
    raise SettingsError([_problem(finding, name, lines, words) for finding in findings])


def _decode(text: bytes) -> tuple[str, list[Finding]]:
    """The text, or as much of it as helps to quote, and why it is none."""
    if len(text) > LIMIT_BYTES:
        return "", [Finding("too_big", (), (0, 0), {"limit": LIMIT_BYTES // 1024})]
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "", [Finding("utf16", (), (0, 0))]
    text = text.removeprefix(codecs.BOM_UTF8)
    try:
        source = text.decode()
    except UnicodeDecodeError as error:
        before = LINE_BREAK.split(text[: error.start].decode())
        position = (len(before), len(before[-1]) + 1)
        return text.decode(errors="replace"), [
            Finding("not_utf8", (), position, {"seen": f"0x{text[error.start]:02X}"})
        ]
    findings = []
    for number, line in enumerate(LINE_BREAK.split(source), start=1):
        odd = _UNPRINTABLE.search(line)
        if odd:
            position = (number, odd.start() + 1)
            findings.append(Finding("control_character", (), position, {"seen": f"U+{ord(odd.group()):04X}"}))
    return source, findings[:20]


def _words(text: bytes, document: Document | None, running: Settings | None) -> Language:
    """The language the file asks for; where it cannot be understood, the one it seems to ask for."""
    data = document.data if document is not None else None
    counter: Any = data.get("counter") if isinstance(data, dict) else None
    code = counter.get("language") if isinstance(counter, dict) else None
    if code not in languages():
        match = re.search(rb"^[ \t]+language:[ \t]*[\"']?([a-z]{2})\b", text, re.MULTILINE)
        code = match[1].decode() if match else None
    if code not in languages():
        code = running.counter.language if running is not None else "vi"
    return language(str(code))


def _problem(finding: Finding, file: str, lines: list[str], words: Language) -> Problem:
    line, column = finding.position
    quoted = lines[line - 1] if 0 < line <= len(lines) and finding.code not in _NOWHERE else ""
    return Problem(
        file, line, column, spell(finding.path), _sentence(f"config.{finding.code}", finding.values, words), quoted
    )


def _sentence(key: str, values: dict[str, Any], words: Language) -> str:
    shown = {
        name: _sentence(f"config.{value.code}", value.values, words) if isinstance(value, Word) else value
        for name, value in values.items()
    }
    return words.text(key, **shown)
