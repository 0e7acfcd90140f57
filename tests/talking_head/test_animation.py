"""An animation's stages overlap, of a film; and bring what they bring one after the other."""

import gc
import threading
import time

import numpy as np
import pytest

from inference.driver import Driving, DrivingFrame
from talking_head import Animation, TalkingHead

FACE = np.random.default_rng(0).uniform(8, 24, (68, 2)).astype(np.float32)
SOON = 10  # seconds in which what goes on beside something else has gone on


class Numbered(Driving):
    """Landmarks that say which frame they are of; tells what it has given, and when it was left."""

    fps = 25.0

    def __init__(self, length, frames=40, broken_at=None):
        self.length, self.frames, self.broken_at = length, frames, broken_at
        self.left = False

    def __iter__(self):
        self.missing = self.read = 0
        try:
            for number in range(self.frames):
                if number == self.broken_at:
                    raise OSError("torn")
                self.read += 1
                yield DrivingFrame(None, FACE + number)
        finally:
            self.left = True


def draw(landmarks):
    return np.stack([np.full((8, 8, 3), points[0, 0] - FACE[0, 0]) for points in landmarks])


def animation(driving, head=draw, batch_size=4):
    return Animation(head, driving, FACE[None], batch_size=batch_size)


def soon(happens) -> bool:
    deadline = time.monotonic() + SOON
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.001)
    return happens()


def assert_all_ended(driving):
    gc.collect()
    assert driving.left
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


@pytest.mark.parametrize(
    ("motion", "detector"),
    [("absolute", "dlib"), ("relative", "stored"), ("retargeted", "stored")],
)
def test_it_is_to_the_bit_what_its_stages_bring_one_after_the_other(
    trained, data, heads, monkeypatch, motion, detector
):
    source, clip = sorted(data.rglob("*.pkl"))[0], sorted(heads.rglob("*.mp4"))[0]
    head = TalkingHead.from_pictures(trained, source, shots=2, device="cpu", precision="float32")
    whole = head.animate(clip, motion=motion, smooth=0.5, detector=detector)
    overlapping = list(whole.moments())
    counted = (whole.driving.read, whole.driving.missing)
    monkeypatch.setattr("talking_head.animation.ahead", lambda items, most: iter(items))
    one_by_one = list(whole.moments())
    assert counted == (whole.driving.read, whole.driving.missing) and counted[0] > 0
    assert len(overlapping) == len(one_by_one) > 0
    for one, other in zip(overlapping, one_by_one, strict=True):
        assert (one.frame == other.frame).all() and (one.landmarks == other.landmarks).all()
        assert one.driver.repeats == other.driver.repeats
        assert (one.driver.frame == other.driver.frame).all()


def test_a_film_is_read_while_a_batch_is_drawn_and_both_while_a_frame_is_used():
    driving, drawn = Numbered(length=40), []

    def head(landmarks):
        assert soon(lambda: driving.read > 4 * len(drawn) + 4), "the next batch is being read"
        drawn.append(len(landmarks))
        return draw(landmarks)

    moments = animation(driving, head).moments()
    first = next(moments)
    assert soon(lambda: len(drawn) == 2), "the next batch is drawn"
    numbers = [int(moment.frame[0, 0, 0]) for moment in (first, next(moments), next(moments))]
    assert numbers == [0, 1, 2]
    moments.close()
    assert_all_ended(driving)


def test_of_a_camera_nothing_is_done_before_it_is_asked_for():
    driving, drawn = Numbered(length=None), []

    def head(landmarks):
        drawn.append(threading.current_thread())
        return draw(landmarks)

    for count, _ in enumerate(animation(driving, head, batch_size=1).moments(), 1):
        time.sleep(0.002)
        assert driving.read == len(drawn) == count
    assert set(drawn) == {threading.current_thread()}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_when_its_user_fails_all_stages_have_ended(error):
    driving = Numbered(length=40)
    with pytest.raises(error):
        for number, _ in enumerate(animation(driving).moments()):
            if number == 5:
                raise error
    assert_all_ended(driving)


def test_a_network_that_fails_is_seen_after_the_frames_before_it_and_all_stages_have_ended():
    driving, frames = Numbered(length=40), []

    def head(landmarks):
        if landmarks[0][0, 0] > FACE[0, 0] + 7:
            raise RuntimeError("out of memory")
        return draw(landmarks)

    with pytest.raises(RuntimeError, match="out of memory"):
        frames.extend(animation(driving, head).moments())
    assert len(frames) == 8
    assert_all_ended(driving)


def test_a_film_that_breaks_off_is_seen_after_the_batches_before_it():
    driving, frames = Numbered(length=40, broken_at=9), []
    with pytest.raises(OSError, match="torn"):
        frames.extend(animation(driving))
    assert [int(frame[0, 0, 0]) for frame in frames] == list(range(8))
    assert_all_ended(driving)
