"""The one way in: files in their turn, known by content, and what fails costs nothing but itself."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from agent.errors import TryAgain
from agent.screen.media import ingest
from agent.screen.media.develop import Developed, Refused
from agent.screen.media.ingest import Ingest, IngestService
from agent.screen.media.medium import CHANCES, content_id
from agent.screen.media.store import MediaStore, NoRoom
from tests.eventually import eventually
from tests.screen.media.test_develop import SOURCE, play
from tests.screen.pictures import plain
from tests.screen.taking_in import plenty, running_ingest


def test_a_file_is_taken_in_under_its_own_name_and_known_under_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = plain((200, 0, 0))
    for name in ("một.png", "hai.png"):
        (tmp_path / name).write_bytes(data)
    with running_ingest(tmp_path / "shown") as ingest:
        first = ingest.submit(tmp_path / "một.png").result(20)
        play(monkeypatch, f"say(source={content_id(data)!r}, bytes=9)", "line.recv(1)", "sys.exit(9)")
        second = ingest.submit(tmp_path / "hai.png").result(20)
    [medium] = first.media
    assert (medium.id, medium.name) == (content_id(data), "một.png")
    assert second == first.named("hai.png")
    assert list((tmp_path / "shown" / ".work").iterdir()) == []


def test_a_file_that_crashes_its_darkroom_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = tmp_path / "tries"
    count = f"open({str(tries)!r}, 'a').write('.')"
    play(monkeypatch, "say(source=source, bytes=9)", "assert line.recv(1)", count, "os.abort()")
    (tmp_path / "bad.mp4").write_bytes(b"bad")
    for _ in range(2):  # two lives
        with running_ingest(tmp_path / "shown") as ingest:
            record = ingest.submit(tmp_path / "bad.mp4").result(20)
            assert record.source == SOURCE
            assert record.refusal is not None
            assert (record.refusal.name, record.refusal.reason) == ("bad.mp4", "crashed")
            assert record.refusal.values == {"how": "SIGABRT"}
    assert tries.read_text() == "."


@pytest.mark.parametrize("blame", [{"reason": "crashed", "how": "SIGKILL"}, {"reason": "hung"}])
def test_a_file_that_the_box_may_be_to_blame_for_has_three_chances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blame: dict[str, str]
) -> None:
    tried = []

    def ended(*_: object, known: Callable[[str, int], None], **__: object) -> Developed:
        known(SOURCE, 9)
        tried.append(1)
        raise Refused(SOURCE, **blame)

    monkeypatch.setattr(ingest, "develop", ended)
    (tmp_path / "good.mp4").write_bytes(b"good")
    for life in range(CHANCES + 2):
        with running_ingest(tmp_path / "shown") as running:
            record = running.submit(tmp_path / "good.mp4").result(20)
            assert record.refusal is not None
            assert record.may_be_tried_again is (life < CHANCES - 1)
    assert len(tried) == CHANCES


def test_what_an_earlier_life_left_half_done_is_gone(tmp_path: Path) -> None:
    left = MediaStore(tmp_path / "shown").empty_workshop() / "source.mp4"
    left.write_bytes(b"half a film")
    with running_ingest(tmp_path / "shown"):
        eventually(lambda: not left.exists())


def test_without_room_nothing_is_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, "sys.exit(1)")
    (tmp_path / "a.png").write_bytes(plain((1, 2, 3)))
    with running_ingest(tmp_path / "shown", lambda _: 10) as ingest, pytest.raises(NoRoom):
        ingest.submit(tmp_path / "a.png").result(20)


def test_what_was_taken_back_before_its_turn_is_not_opened(tmp_path: Path) -> None:
    ingest = Ingest(MediaStore(tmp_path / "shown", free_bytes=plenty))
    ticket = ingest.submit(tmp_path / "nowhere.png")
    ticket.cancel()
    after = ingest.submit(tmp_path / "nowhere either.png")
    service, stop = IngestService(ingest), threading.Event()
    thread = threading.Thread(target=service.run, args=(stop,))
    thread.start()
    assert after.result(20).refusal is not None
    stop.set()
    thread.join(service.goodbye_s)
    with pytest.raises(CancelledError):
        ticket.result(0)


def test_it_says_goodbye_in_time_though_a_darkroom_hangs_and_the_file_may_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, f"open({str(tmp_path / 'hangs')!r}, 'w')", "time.sleep(60)")
    with running_ingest(tmp_path / "shown") as ingest:
        ticket = ingest.submit(tmp_path / "a.png")
        eventually((tmp_path / "hangs").exists)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    with pytest.raises(TryAgain):
        ticket.result(0)
