"""A head that follows a camera: pace, windows, recordings, careless use."""

import itertools
import tracemalloc

import numpy as np
import pytest

import infer
from dataset.video.reading import probe
from drawn_heads.motion import Pose
from drawn_heads.people import draw_person
from drawn_heads.render import render
from drawn_heads.scenes import draw_scene
from inference.camera import CameraDriving, DeviceCamera
from talking_head import Animation, TalkingHead
from talking_head.animation import LIVE_AHEAD
from talking_head.live import follow
from tests.conftest import call_script
from tests.inference.devices import Device, plug_in
from tests.runs import assert_one_line


@pytest.fixture(scope="module")
def frames():
    """A head that turns, as a camera sees it: BGR."""
    person, scene = draw_person(3), draw_scene(3)
    shots = [render(person, scene, Pose(yaw=yaw), 160)[0] for yaw in (0, 6, 12, 6)]
    return [np.ascontiguousarray(shot[..., ::-1]) for shot in shots]


@pytest.fixture(scope="module")
def head(trained, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("heads_in") / "me.pt"
    source = sorted(data.rglob("*.pkl"))[0]
    TalkingHead.from_pictures(trained, source, shots=2, device="cpu", precision="float32").save(
        path
    )
    return path


def follow_camera(*words):
    quick = ["--detector", "dlib", "--device", "cpu", "--precision", "float32", "--driving", 0]
    return call_script(infer.main, "infer.py", *quick, *words)


@pytest.mark.parametrize("motion", ["absolute", "relative"])
def test_a_camera_is_recorded_in_its_time_and_the_pace_is_said(
    head, frames, tmp_path, monkeypatch, motion
):
    monkeypatch.setattr("talking_head.animation.LIVE_AHEAD", 3)
    device = plug_in(monkeypatch, Device(itertools.cycle(frames), fps=25))
    words = ["--checkpoint", head, "--output", tmp_path / "me.mp4", "--seconds", 2]
    done = follow_camera(*words, "--motion", motion)
    assert done.returncode == 0, done.stderr
    result = probe(tmp_path / "me.mp4")
    assert (result.width, result.height) == (64, 64)
    assert 0.6 < result.frames / result.fps < 2.1
    assert "frames/s" in done.stdout and "ms from camera to picture" in done.stdout
    assert device.released


def test_a_motion_that_is_learnt_first_is_drawn_of_the_newest_frame(head, frames, monkeypatch):
    device = plug_in(monkeypatch, Device(itertools.cycle(frames), fps=60))
    live = TalkingHead.load(head, device="cpu").animate(0, motion="retargeted")
    moments = live.moments()
    for _ in range(3):
        moment = next(moments)
        assert device.count > LIVE_AHEAD, "nothing is drawn of what it was learnt from"
        assert moment.driver.taken is not None
    moments.close()


def test_a_window_shows_it_until_it_is_closed(head, frames, monkeypatch):
    plug_in(monkeypatch, Device(itertools.cycle(frames), fps=50))
    monkeypatch.setenv("DISPLAY", ":0")
    shown = []

    class Screen:
        def __init__(self, title):
            assert "q" in title

        def __enter__(self):
            return self

        def __exit__(self, *error):
            shown.append("closed")

        def show(self, frame, line):
            shown.append((frame.shape, line))
            return len(shown) < 4

    monkeypatch.setattr(infer, "Window", Screen)
    done = follow_camera("--checkpoint", head)
    assert done.returncode == 0, done.stderr
    assert shown[-1] == "closed" and len(shown) == 5
    assert shown[2][0] == (64, 64, 3)
    assert "frames/s" in shown[2][1] and "ms late" in shown[2][1]


def test_ctrl_c_ends_a_recording_which_is_kept(head, frames, tmp_path, monkeypatch):
    plug_in(monkeypatch, Device(itertools.cycle(frames), fps=50))
    draws = itertools.count()

    def finish(*arguments):
        def shown(moment):
            if next(draws) == 5:
                raise KeyboardInterrupt
            return moment.frame

        return shown

    monkeypatch.setattr(infer, "_finish", finish)
    done = follow_camera("--checkpoint", head, "--output", tmp_path / "me.mp4")
    assert done.returncode == 0, done.stderr
    assert "5 frames" in done.stdout
    assert probe(tmp_path / "me.mp4").frames > 0


def test_careless_use_of_a_camera_is_one_line(head, frames, tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    done = follow_camera("--checkpoint", head)
    assert_one_line(done, "--output is needed: there is no display to show a window on")
    words = ["--checkpoint", head, "--output", tmp_path / "me.mp4"]
    plug_in(monkeypatch, Device(frames, fps=50, opened=False))
    assert_one_line(follow_camera(*words), "--driving 0: there is no camera 0")
    clip = tmp_path / "clip.mp4"
    clip.touch()
    quick = ["--detector", "dlib", "--driving", clip]
    done = call_script(infer.main, "infer.py", *quick, *words, "--seconds", 2)
    assert_one_line(done, "--seconds is for a camera, --driving 0")
    done = call_script(infer.main, "infer.py", *quick, "--checkpoint", head)
    assert_one_line(done, "--output is needed: only a camera's motion is shown in a window")
    assert not (tmp_path / "me.mp4").exists()


def test_an_endless_camera_is_followed_in_constant_memory(monkeypatch):
    plug_in(monkeypatch, Device(itertools.repeat(np.zeros((32, 32, 3), np.uint8)), fps=1e9))
    face = np.random.default_rng(0).uniform(8, 24, (68, 2)).astype(np.float32)

    class Sees:
        def detect(self, frames, places, near):
            return face[None]

    def draw(landmarks):
        return np.zeros((len(landmarks), 32, 32, 3), np.uint8)

    driving = CameraDriving(DeviceCamera(0), Sees(), "whole", 32)
    used, shown = np.zeros(4500, int), itertools.count()

    def show(picture, line):
        number = next(shown)
        used[number] = tracemalloc.get_traced_memory()[0]
        return number < len(used) - 1

    tracemalloc.start()
    try:
        pace = follow(
            Animation(draw, driving, face[None], "relative", smooth=0.5, batch_size=1),
            lambda moment: moment.frame, show, lambda picture, times: None,
        )  # fmt: skip
    finally:
        tracemalloc.stop()
    assert pace.frames == len(used)
    early, late = used[2000:2500].min(), used[-500:].min()  # by 2,000 Python's own stores are full
    assert late - early < 2000 * 8, "bytes: not even a number is kept of each frame"
