"""A camera as a driver: the newest frame, never an older one, and nothing that queues."""

import itertools
import threading
import time

import numpy as np
import pytest

from dataset.detection.detector import LandmarkDetector
from inference.camera import FIRST_FACES, CameraDriving, DeviceCamera
from tests.inference.devices import Device, plug_in

FACE = np.random.default_rng(0).uniform(40, 60, (68, 2)).astype(np.float32)


class Fixed(LandmarkDetector):
    """Finds the same face everywhere, after some time; or none."""

    name = "fixed"

    def __init__(self, seconds=0.0, face=FACE):
        self.seconds, self.face = seconds, face

    def detect(self, frames, origins, near):
        time.sleep(self.seconds)
        return [self.face + frame[0, 0, 0] // 64 for frame in frames]


def numbered(count):
    """Frames that say which they are."""
    return [np.full((100, 100, 3), number, np.uint8) for number in range(count)]


def test_each_frame_that_is_handed_out_is_the_newest(monkeypatch):
    device = plug_in(monkeypatch, Device(numbered(200), fps=200))
    camera = DeviceCamera(0)
    shown = []
    for frame, taken in itertools.islice(camera, 8):
        shown.append(int(frame[0, 0, 0]))
        assert time.monotonic() - taken < 0.05
        time.sleep(0.03)  # six frames' time
        assert device.count - shown[-1] > 2
    camera.close()
    assert all(after - before > 2 for before, after in itertools.pairwise(shown))
    assert camera.dropped > 8
    assert device.released
    assert not any(thread.name == "camera 0" for thread in threading.enumerate())


def test_a_fast_reader_misses_nothing_and_ends_with_the_camera(monkeypatch):
    plug_in(monkeypatch, Device(numbered(20), fps=100))
    camera = DeviceCamera(0)
    assert [int(frame[0, 0, 0]) for frame, _ in camera] == list(range(20))
    assert camera.dropped == 0


def test_colours_are_red_green_blue(monkeypatch):
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[..., 0] = 255  # as OpenCV has it
    plug_in(monkeypatch, Device([blue], fps=100))
    ((frame, _),) = DeviceCamera(0)
    assert frame[0, 0].tolist() == [0, 0, 255]


def test_a_driver_begins_when_it_knows_where_the_face_is_and_keeps_the_time(monkeypatch):
    plug_in(monkeypatch, Device(numbered(60), fps=50))
    moments = list(CameraDriving(DeviceCamera(0), Fixed(), "face", 64, fps=25))
    assert len(moments) == 60 - FIRST_FACES + 1
    assert all(moment.frame.shape == (64, 64, 3) for moment in moments)
    taken = [moment.taken for moment in moments]
    assert taken == sorted(taken)
    written = sum(moment.repeats for moment in moments)
    assert written == pytest.approx(25 * len(moments) / 50, abs=3), "half as many, in that time"


def test_a_face_that_moves_away_gets_another_square_and_a_trembling_one_does_not(monkeypatch):
    plug_in(monkeypatch, Device([np.zeros((300, 300, 3), np.uint8)] * 40, fps=200))
    detector = Fixed()
    moments, boxes = iter(CameraDriving(DeviceCamera(0), detector, "face", 64)), []
    for moment in moments:
        boxes.append(moment.box)
        step = len(boxes) % 2 if len(boxes) < 10 else 5 * (len(boxes) - 10)
        detector.face = FACE + np.float32([step, 0])
    assert len({*boxes[:9]}) == 1
    assert len({*boxes}) > 1
    assert boxes[-1].left > boxes[0].left


def test_frames_without_the_face_hold_the_one_before_and_are_counted(monkeypatch):
    plug_in(monkeypatch, Device([np.zeros((100, 100, 3), np.uint8)] * 30, fps=200))
    detector = Fixed()
    driving = CameraDriving(DeviceCamera(0), detector, "whole", 100)
    for number, moment in enumerate(driving):
        detector.face = np.full((68, 2), np.nan, np.float32) if number < 5 else FACE
        assert np.allclose(moment.landmarks, FACE)
    assert driving.missing == 5


@pytest.mark.parametrize("seen", [True, False])
def test_it_ends_after_the_seconds_that_are_asked_for_though_no_face_comes(monkeypatch, seen):
    device = plug_in(monkeypatch, Device(numbered(200), fps=100))
    face = FACE if seen else np.full((68, 2), np.nan, np.float32)
    moments = list(CameraDriving(DeviceCamera(0), Fixed(face=face), "face", 64, seconds=0.5))
    assert bool(moments) == seen
    assert 40 < device.count < 70
    assert device.released


def test_leaving_it_early_releases_the_device(monkeypatch):
    device = plug_in(monkeypatch, Device(numbered(200), fps=100))
    moments = iter(CameraDriving(DeviceCamera(0), Fixed(), "face", 64))
    next(moments)
    moments.close()
    assert device.released


def test_a_camera_that_is_not_there_or_gives_nothing_is_named(monkeypatch):
    plug_in(monkeypatch, Device([], fps=100, opened=False))
    with pytest.raises(ValueError, match=r"^--driving 3: there is no camera 3 that can be opened$"):
        DeviceCamera(3)
    monkeypatch.setattr("inference.camera.PATIENCE", 0.1)
    plug_in(monkeypatch, Device(numbered(2), fps=1))
    with pytest.raises(ValueError, match=r"^--driving 0: the camera gives no frames$"):
        list(DeviceCamera(0))
