"""How long a camera may be silent: by its own rhythm, and never for long."""

import os

import pytest

from agent.surveillance.cause import Cause
from agent.surveillance.heartbeat import Beat, Heartbeat, Rhythm, due_s, is_in_doubt, silence

START = 1000.0


def at_fps(fps: float, *, gop_s: float = 2.0, packet_at: float = START, picture_at: float = START) -> Beat:
    return Beat(ready_at=START, packet_at=packet_at, picture_at=picture_at, interval_s=1 / fps, gop_s=gop_s)


@pytest.mark.parametrize(("fps", "patience_s"), [(25, 2.0), (10, 2.0), (5, 2.0), (2, 5.0), (1, 10.0)])
def test_two_seconds_without_a_packet_are_silence_and_more_below_five_pictures_a_second(
    fps: float, patience_s: float
) -> None:
    packet_at = START + 60
    beat = at_fps(fps, gop_s=30, packet_at=packet_at, picture_at=packet_at)
    assert silence(beat, started_at=START, now=packet_at + patience_s - 0.1) is None
    assert silence(beat, started_at=START, now=packet_at + patience_s + 0.1) == (
        f"no packet for {patience_s + 0.1:.1f} s",
        Cause.STALL,
    )


@pytest.mark.parametrize("fps", [25, 5, 1])
def test_who_looks_when_it_is_due_finds_doubt_and_then_silence(fps: float) -> None:
    beat, now = at_fps(fps, gop_s=30), START
    now += due_s(beat, now=now)
    assert is_in_doubt(beat, now=now)
    assert silence(beat, started_at=START, now=now) is None
    now += due_s(beat, now=now)
    assert silence(beat, started_at=START, now=now) is not None
    assert due_s(beat, now=now) < 0.01
    assert due_s(Beat(ready_at=START), now=now) == float("inf")


@pytest.mark.parametrize(("gop_s", "patience_s"), [(0.04, 2.5), (2, 4.5), (4, 8.5)])
def test_two_groups_without_a_valid_key_frame_are_silence(gop_s: float, patience_s: float) -> None:
    for seconds, is_silent in ((patience_s - 0.1, False), (patience_s + 0.1, True)):
        now = START + seconds
        beat = at_fps(10, gop_s=gop_s, packet_at=now, picture_at=START)
        assert (silence(beat, started_at=START - 60, now=now) is not None) is is_silent


def test_a_camera_that_never_sends_a_packet_is_given_up_after_ten_seconds() -> None:
    beat = Beat(ready_at=START)
    assert silence(beat, started_at=START - 15, now=START + 9.9) is None
    assert silence(beat, started_at=START - 15, now=START + 10.1) is not None


def test_a_slow_card_may_take_forty_seconds_to_load_the_libraries() -> None:
    assert silence(Beat(), started_at=START, now=START + 39) is None
    assert silence(Beat(), started_at=START, now=START + 41) is not None


def test_packets_that_never_become_a_picture_are_given_up_too() -> None:
    for seconds, is_silent in ((19.9, False), (20.1, True)):
        beat = Beat(ready_at=START, packet_at=START + seconds, interval_s=0.1)
        assert (silence(beat, started_at=START - 5, now=START + seconds) is not None) is is_silent


def test_the_rhythm_is_learned_from_arrivals_in_bursts() -> None:
    rhythm = Rhythm()
    for number in range(400):  # ten pictures a second, delivered five at a time
        rhythm.packet(START + number // 5 * 0.5 + 0.001 * (number % 5), is_keyframe=number % 20 == 0)
    assert rhythm.interval_s == pytest.approx(0.1, rel=0.6)
    assert rhythm.gop_s == pytest.approx(2.0, rel=0.05)


def test_a_longer_distance_of_key_frames_is_believed_at_once() -> None:
    rhythm = Rhythm()
    for moment in (0, 2, 4, 12):
        rhythm.packet(START + moment, is_keyframe=True)
    assert rhythm.gop_s == 8


def test_key_frames_in_a_row_at_the_beginning_say_nothing_of_what_follows() -> None:
    rhythm = Rhythm()
    for number in range(3):
        rhythm.packet(START + 0.04 * number, is_keyframe=True)
    assert rhythm.gop_s == pytest.approx(0.04)
    rhythm.packet(START + 0.12, is_keyframe=False)
    assert rhythm.gop_s == 0
    rhythm.packet(START + 4.08, is_keyframe=True)
    assert rhythm.gop_s == pytest.approx(4.0)


def test_what_one_end_writes_the_other_reads() -> None:
    ours = Heartbeat.create()
    theirs = Heartbeat(os.dup(ours.fd))
    assert ours.read() == Beat()
    theirs.ready(11.0)
    theirs.packet(12.5, interval_s=0.1, gop_s=2.0)
    theirs.picture(12.0)
    assert ours.read() == Beat(ready_at=11.0, packet_at=12.5, picture_at=12.0, interval_s=0.1, gop_s=2.0)
    theirs.broken(14.0)
    theirs.broken(16.0)
    assert (ours.read().broken_at, ours.read().picture_at) == (14.0, 12.0)
    theirs.picture(18.0)
    assert (ours.read().broken_at, ours.read().picture_at) == (0.0, 18.0)
    theirs.close()
    ours.close()
