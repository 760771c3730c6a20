"""A program in the place of another: it answers by the words it is given, and writes down what it was told."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

_SCRIPT = """\
#!{python} -S
import json, sys
words = sys.argv[1:]
with open({heard!r}, "a") as file:
    file.write(json.dumps(words) + "\\n")
answers = json.load(open({answers!r}))
status, said = next((answer for key, answer in answers.items() if key and key in words), answers[""])
print(said)
sys.exit(status)
"""


def stand_in(folder: Path, answers: Mapping[str, tuple[int, str]]) -> tuple[Path, Callable[[], list[list[str]]]]:
    """The program, and what it was told so far. *answers* by a word of its command line; "" for any other."""
    program, heard, said = folder / "program", folder / "heard", folder / "answers"
    said.write_text(json.dumps(answers), encoding="utf-8")
    heard.touch()
    program.write_text(_SCRIPT.format(python=sys.executable, heard=str(heard), answers=str(said)), encoding="utf-8")
    program.chmod(0o755)
    return program, lambda: [json.loads(line) for line in heard.read_text(encoding="utf-8").splitlines()]
