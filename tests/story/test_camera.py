"""The camera's child dies and hangs; the counter notices no more than that."""

import base64
import hashlib
import json
import os
import signal
import time
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import av

from agent.event import Lane
from tests.broker import Broker
from tests.eventually import eventually
from tests.story.counter import CAMERA_WORKS, Counter, Ear, Province, same_events
from tests.surveillance.seeing.test_eye import room_view


def child_of(pid: int) -> int | None:
    """The camera's process below the daemon."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == pid and state != "Z" and b"surveillance" in (entry / "cmdline").read_bytes():
                    return int(entry.name)
    return None


def test_a_camera_process_that_is_killed_or_hangs_is_replaced_while_presses_go_on(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    counter.settings["cameras"] = [{"name": "quay", "driver": "sim"}]
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: (ear.last("up/health/camera") or {}).get("code") in CAMERA_WORKS, within_s=30)
        for blow, code in ((signal.SIGKILL, "CAMERA_CRASHED"), (signal.SIGSTOP, "CAMERA_STALLED")):
            child = child_of(counter.process.pid)
            assert child is not None
            os.kill(child, blow)
            counter.press("31")
            _await_code(ear, code)
            counter.press("32")
            eventually(lambda: ear.last("up/health/camera")["code"] in CAMERA_WORKS, within_s=30)
            assert child_of(counter.process.pid) not in (None, child)
    eventually(lambda: same_events(counter, province), within_s=20)
    assert len(province.seqs()) == 4


def _await_code(ear: Ear, code: str) -> None:
    eventually(lambda: code in [report["code"] for report in ear.heard("up/health/camera")], within_s=20)


def test_the_camera_process_does_not_outlive_a_daemon_that_is_killed(counter: Counter, mosquitto: Broker) -> None:
    counter.settings["cameras"] = [{"name": "quay", "driver": "sim"}]
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: (ear.last("up/health/camera") or {}).get("code") in CAMERA_WORKS, within_s=30)
        child = child_of(counter.process.pid)
        counter.kill()
        eventually(lambda: not Path(f"/proc/{child}").exists(), within_s=5)


def looks_like_video(payload: bytes) -> bool:
    """Whether there is a coded picture in it: as it is, in base64, or in what zlib made small."""
    with suppress(zlib.error):
        payload += zlib.decompress(payload)
    files = (b"\xff\xd8\xff", b"\x89PNG", b"ftyp", b"moof")
    coded = (b"\x00\x00\x01\x67", b"\x00\x00\x01\x65", b"\x00\x00\x01\x41")
    spelled = (b"/9j/", b"iVBORw0KGgo", b"data:image")
    return any(sign in payload for sign in (*files, *coded, *spelled))


def test_the_province_asks_for_a_still_and_gets_it_pixelated(counter: Counter, mosquitto: Broker) -> None:
    counter.settings["cameras"] = [{"name": "quay", "driver": "sim"}]
    expires = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: (ear.last("up/health/camera") or {}).get("code") in CAMERA_WORKS, within_s=30)
        ear.say("motcua/v1/40/na-0123/down/command/snapshot/s1", {"expires": expires, "by": "PC06"})
        result = eventually(
            lambda: next((r for r in ear.heard("up/result/snapshot/s1") if r["status"] in ("done", "failed")), None),
            within_s=20,
        )
        assert result["status"] == "done", result
        assert result["egress"] == "pixelated"
        manifest = eventually(lambda: ear.last("up/bulk/s1/manifest"), within_s=5)
        parts = [
            payload for topic, payload, _ in ear.messages if "/up/bulk/s1/" in topic and not topic.endswith("manifest")
        ]
        told = eventually(lambda: ear.last("up/event/egress"), within_s=10)
    assert told["data"] == {
        "kind": "snapshot",
        "camera": "quay",
        "order": "s1",
        "is_broadcast": False,
        "by": "PC06",
        "pictures": 1,
        "egress": "pixelated",
        "hidden": ["whole"],
    }
    elsewhere = [(topic, payload) for topic, payload, _ in ear.messages if "/up/bulk/" not in topic]
    assert elsewhere
    assert not [topic for topic, payload in elsewhere if looks_like_video(payload)]
    picture = b"".join(parts)
    assert looks_like_video(picture)
    assert len(picture) == manifest["size"]
    assert hashlib.sha256(picture).hexdigest() == manifest["sha256"]
    assert picture.startswith(b"\xff\xd8\xff"), base64.b64encode(picture[:8])


def test_a_superior_watches_the_counter_for_some_seconds_and_the_screen_says_so(
    counter: Counter, mosquitto: Broker
) -> None:
    counter.settings["cameras"] = [{"name": "quay", "driver": "sim"}]
    expires = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    order = {"expires": expires, "by": "Phòng PC06", "minutes": 0.1, "every_s": 1}

    def manifests() -> list[str]:
        return [topic for topic, _, _ in ear.messages if topic.endswith("/manifest")]

    def notice() -> str:
        with urlopen(f"{counter.web}/screen", timeout=5) as page:  # noqa: S310 - its own address
            return str(page.read().decode())

    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: (ear.last("up/health/camera") or {}).get("code") in CAMERA_WORKS, within_s=30)
        assert "cấp trên đang xem" not in notice()
        ear.say("motcua/v1/40/na-0123/down/command/watch/w1", order)
        eventually(lambda: len(manifests()) >= 2, within_s=15)
        assert "cấp trên đang xem" in notice()
        with urlopen(f"{counter.web}/status/camera/quay.jpg", timeout=10) as shown:  # noqa: S310 - its own address
            assert looks_like_video(shown.read())
        counter.press()
        eventually(lambda: (ear.last("up/result/watch/w1") or {}).get("status") == "done", within_s=20)
        result, told = ear.last("up/result/watch/w1"), eventually(lambda: ear.last("up/event/egress"), within_s=10)
        assert "cấp trên đang xem" not in notice()
        assert ear.last("up/event/rating")
    counter.stop()
    kinds = [json.loads(body)["data"].get("kind") for _, body in counter.stored()]
    assert sorted(kind for kind in kinds if kind) == ["status", "watch"]
    assert [answer["status"] for answer in ear.heard("up/result/watch/w1")] == ["running", "done"]
    assert (result["ended"], result["pictures"]) == ("time", len(manifests()))
    assert [each["data"]["pictures"] for each in ear.heard("up/event/egress")] == [len(manifests())]
    assert (told["data"]["by"], told["data"]["hidden"], told["data"]["ended"]) == ("Phòng PC06", ["whole"], "time")
    stills = [payload for topic, payload, _ in ear.messages if "/up/bulk/w1-" in topic and topic.endswith("/0")]
    assert all(payload.startswith(b"\xff\xd8\xff") for payload in stills)
    elsewhere = [(topic, payload) for topic, payload, _ in ear.messages if "/up/bulk/" not in topic]
    assert not [topic for topic, payload in elsewhere if looks_like_video(payload)]


def test_a_recorded_camera_leaves_files_that_play_and_nothing_of_them_leaves_the_box(
    counter: Counter, mosquitto: Broker
) -> None:
    video = counter.folder / "video"
    record = {"path": str(video), "segment_s": 5}
    counter.settings["cameras"] = [{"name": "quay", "driver": "sim", "width": 160, "height": 90, "record": record}]
    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        first = eventually(lambda: sorted(video.rglob("*.mp4")), within_s=40)[0]
        with av.open(str(first)) as film:
            assert sum(1 for _ in film.decode(video=0)) >= 50
        assert not any(topic.endswith("mp4") or b"ftyp" in payload for topic, payload, _ in ear.messages)
    counter.stop()
    assert not list(video.rglob("*.part"))


def test_a_hand_over_the_lens_is_one_alert_at_the_province_within_ten_seconds_and_no_rating_waits_for_it(
    counter: Counter, province: Province, mosquitto: Broker
) -> None:
    script = [{"after_s": 2, "do": "cover"}, {"after_s": 9, "do": "clear"}]
    options = {"width": 320, "height": 180, "script": script}
    counter.settings["cameras"] = [{"name": "quay", "driver": "sim", **options}]
    view = counter.outbox.with_name("views") / "quay.view"  # as a life before left it
    view.parent.mkdir(parents=True)
    view.write_bytes(room_view())

    def reports() -> list[str]:
        return [report["code"] for report in ear.heard("up/health/camera")]

    def alerts() -> list[str]:
        return [event["data"]["code"] for event in province.events(Lane.ALERT) if "camera" in event["data"]]

    with Ear(mosquitto.port).open("motcua/#") as ear:
        counter.start()
        eventually(lambda: (reports() or [""])[-1] in CAMERA_WORKS, within_s=30)
        seen_at = time.monotonic()  # the camera was opened before that
        eventually(alerts, within_s=2 + 10 - (time.monotonic() - seen_at))
        counter.press()
        eventually(lambda: reports()[-1:] == ["CAMERA_COVERED"], within_s=2)
        eventually(lambda: (reports() or [""])[-1] in CAMERA_WORKS, within_s=25)
    eventually(lambda: same_events(counter, province), within_s=20)
    assert alerts() == ["CAMERA_COVERED"]
    assert len(province.seqs()) == 1
