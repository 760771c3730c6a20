"""A stick with new pictures: each file is checked where it lies, and what is good is copied to the screen's folder.

Never a file that was not decoded in full, and never half of one: what was checked is a copy on the box, and that
copy takes its name in the screen's folder. From there it is taken in like any other. A stick brings files,
it takes none away; a file of the same name takes the old one's place. What the technician is told is what the
status page would say.

With a key, only a stick that holds the same one is read: whoever plugs in any other stick at a counter shows
nothing to anybody. Runs in a command, beside the agent. As root it only opens the files; what looks into
them is the owner of the screen's folder.
"""

import hmac
import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from agent.errors import PersonMustAct, SystemReason, TryAgain
from agent.files import FolderTaken, flush_folder, owned
from agent.language import Language, language
from agent.screen.media.develop import Refused, develop
from agent.screen.media.folder import is_candidate
from agent.screen.media.medium import content_of, shown_name
from agent.screen.media.store import free_above_floor

FOLDER = "counter-agent"
KEY = "stick.key"
KEY_CHARACTERS = 32
MOST_FILES = 200
WORKSHOP = ".import"
"""In the screen's folder, whose eyes pass over it."""

Say = Callable[[str], None]


def carry_in(
    stick: Path,
    media: Path,
    code: str,
    *,
    say: Say,
    key_file: Path | None = None,
    free_bytes: Callable[[Path], int] = free_above_floor,
) -> bool:
    """Copy what is good in *stick* to the folder *media*; True when nothing was refused.

    *code* is the language, *say* shows a line. Where there is a folder `counter-agent` in *stick*, that one is read.
    A process of root's is the owner of *media* from here on.

    Raises:
        PersonMustAct: nothing can be copied; the text says why.
    """
    words = language(code)
    with ExitStack() as opened:
        try:
            files = _opened(stick, key_file, words, opened)
        except OSError as error:
            raise PersonMustAct(words.text("stick.unreadable", folder=stick, error=SystemReason.of(error))) from error
        if not media.is_dir():
            raise PersonMustAct(words.text("stick.no_folder", folder=media))
        try:
            _become_owner_of(media)
            workshop = media / WORKSHOP
            workshop.mkdir(mode=0o700, exist_ok=True)
            with owned(workshop):
                errand = _Errand(media, workshop, words, free_bytes, say)
                bad = sum(not errand.carry(name, descriptor) for name, descriptor in files.items())
            workshop.rmdir()
        except FolderTaken:
            raise PersonMustAct(words.text("stick.busy", folder=media)) from None
        except OSError as error:
            raise PersonMustAct(words.text("stick.unwritable", folder=media, error=SystemReason.of(error))) from error
    say(words.text("stick.summary", good=len(files) - bad, bad=bad))
    return not bad


@dataclass(frozen=True, slots=True)
class _Errand:
    """One go at one stick."""

    media: Path
    workshop: Path
    words: Language
    free_bytes: Callable[[Path], int]
    say: Say

    def carry(self, name: str, opened: int) -> bool:
        """Bring the file *name*; False when it was refused.

        Raises:
            OSError: the screen's folder cannot be written.
        """
        name = shown_name(name)
        try:
            if self.free_bytes(self.media) < 2 * os.fstat(opened).st_size:
                raise Refused("", "room")
            _empty(self.workshop)
            made = develop(Path(name), self.workshop, opened=opened)
            self.say(self.words.text(f"stick.{self._place(made.copy, made.source, name)}", name=name))
        except (Refused, TryAgain) as error:
            refused = error if isinstance(error, Refused) else Refused("", "broken")
            reason = self.words.text(f"screen.refused.{refused.reason}", **refused.values)
            remedy = self.words.text(f"screen.remedy.{refused.reason}")
            self.say(self.words.text("stick.refused", name=name, reason=reason, remedy=remedy))
            return False
        finally:
            _empty(self.workshop)
        return True

    def _place(self, copy: Path, source: str, name: str) -> str:
        """Give the checked *copy* its name, durably; which message tells of it."""
        target = self.media / name
        before = content_of(target) if target.is_file() else None
        if before == source:
            return "same"
        copy.chmod(0o644)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        copy.replace(target)
        flush_folder(self.media)
        return "copied" if before is None else "replaced"


def _opened(stick: Path, key_file: Path | None, words: Language, until: ExitStack) -> dict[str, int]:
    """The files that may be meant for the screen, in the order of their names, open *until* then.

    Raises:
        OSError: the stick cannot be read.
    """
    folder = next((each for each in sorted(stick.iterdir()) if _is_ours(each)), stick)
    if key_file is not None:
        _check_key(folder / KEY, key_file, words)
    names = sorted(each.name for each in folder.iterdir() if is_candidate(each.name) and each.name != KEY)
    files = [folder / name for name in names if stat.S_ISREG((folder / name).lstat().st_mode)]
    if not files:
        raise PersonMustAct(words.text("stick.nothing", folder=folder))
    if len(files) > MOST_FILES:
        raise PersonMustAct(words.text("stick.too_many", folder=folder, count=len(files), limit=MOST_FILES))
    opened = {}
    for file in files:
        opened[file.name] = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        until.callback(os.close, opened[file.name])
    return opened


def _is_ours(folder: Path) -> bool:
    return folder.name.casefold() == FOLDER and folder.is_dir() and not folder.is_symlink()


def _check_key(found: Path, key_file: Path, words: Language) -> None:
    try:
        key = key_file.read_bytes().strip()
    except OSError as error:
        raise PersonMustAct(words.text("stick.key_missing", path=key_file, error=SystemReason.of(error))) from error
    if len(key) < KEY_CHARACTERS:
        raise PersonMustAct(words.text("stick.key_short", path=key_file, limit=KEY_CHARACTERS))
    try:
        with found.open("rb") as opened:
            shown = opened.read(4096).strip()
    except OSError:
        shown = b""
    if not hmac.compare_digest(shown, key):
        raise PersonMustAct(words.text("stick.key_wrong"))


def _become_owner_of(folder: Path) -> None:
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def _empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
