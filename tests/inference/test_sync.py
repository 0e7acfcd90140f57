"""A result is in step with its driver's sound, whatever the driver's frames and clocks are like."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from dataset.video.writing import VideoWriter
from inference.driving import open_driving
from tests.dataset.conftest import face_points
from tests.dataset.video.clips import SIDE, heard, number_of, write_numbered

FAST, SLOW = 0.04, 0.1
STEADY = [k * FAST for k in range(50)]
FEW = [k * FAST for k in range(25)]
TICKS = Fraction(1, 90_000)
CLIPS = {
    "constant": ("a.mp4", STEADY, {}),
    "slow then fast": ("a.mp4", [*(k * SLOW for k in range(10)), *(1 + t for t in FEW)], {}),
    "fast then slow": ("a.mp4", [*FEW, *(1 + k * SLOW for k in range(10))], {}),
    "pauses": ("a.mp4", [*FEW[:10], *(2.4 + t for t in FEW), 5.0, 5.04], {}),
    "edit list": ("a.mp4", [t - 0.2 for t in STEADY], {}),
    "late sound": ("a.mp4", STEADY, {"sound_from": 0.6}),
    "late picture": ("a.mp4", [0.5 + t for t in STEADY], {}),
    "shifted clock": (
        "a.ts", [3000 + t for t in STEADY], {"unit": TICKS, "sound_from": 3000.1, "beep": 3001}
    ),
    "23.976": ("a.mkv", [k * 1001 / 24000 for k in range(48)], {}),
    "59.94": ("a.mp4", [k * 1001 / 60000 for k in range(120)], {"unit": Fraction(1, 60_000)}),
    "one frame": ("a.mp4", [0.0], {"beep": 0.02}),
    "B frames": ("a.mp4", STEADY, {"options": {"bf": "3", "b-adapt": "0"}}),
}  # fmt: skip


class OneFace:
    """A detector that finds the same face in every frame."""

    def detect(self, frames, places, near):
        return np.stack([face_points(SIDE / 2, SIDE / 2, SIDE / 2)] * len(frames))


@pytest.fixture(params=CLIPS)
def driven(request, tmp_path):
    """A driver, and its own frames written as a result would be, with the rate of that."""
    name, times, options = CLIPS[request.param]
    driver, result = tmp_path / name, tmp_path / "result.mp4"
    write_numbered(driver, times, **options)
    driving = open_driving(driver, OneFace(), "whole", SIDE)
    with VideoWriter(result, driving.fps, driving.sound) as writer:
        for moment in driving:
            writer.write(moment.frame, moment.repeats)
    return driver, result, driving


def shown(path):
    """When each frame of a file begins to be shown, on its clock, and its number."""
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [(frame.time, number_of(frame.to_ndarray(format="rgb24"))) for frame in frames]


def greatest_offset(driver, result, fps):
    """How far pictures are ahead of the sound, or behind it, in frames of the result.

    In the middle of each of the result's frames the sound is at some moment of the driver: there
    the frame that the driver shows then is due, or, before its first one, that.
    """
    there = shown(driver)
    lead = heard(driver)[0] - heard(result)[0]  # between the clocks, by the sound
    begins = {number: time for time, number in there}
    ends = {number: time for (_, number), (time, _) in pairwise(there)}
    first = there[0][1]
    worst = 0.0
    for time, number in shown(result):
        moment = time + 0.5 / fps + lead
        early = begins[number] - moment if number != first else 0.0
        late = moment - ends.get(number, np.inf)
        worst = max(worst, early * fps, late * fps)
    return worst


def test_pictures_keep_step_with_the_sound_within_a_frame(driven):
    driver, result, driving = driven
    assert greatest_offset(driver, result, driving.fps) <= 1
    assert driving.read >= driving.stated, "no whole file is taken for a damaged one"


def test_a_result_is_as_long_as_its_driver(driven):
    driver, result, driving = driven
    times = [time for time, _ in shown(driver)]
    with av.open(str(driver)) as container:
        sound = container.streams.audio[0]
        began = min(times[0], float(sound.start_time * sound.time_base))
    frames = len(shown(result))
    assert frames == driving.length
    lasts = frames / driving.fps - (times[-1] - began)  # what is left for the last frame
    longest = max(np.diff(times), default=0) + 1 / driving.fps
    assert 0.5 / driving.fps <= lasts <= longest + 0.001


def test_another_rate_keeps_the_time_and_the_sound(tmp_path):
    write_numbered(tmp_path / "a.mp4", STEADY)
    driving = open_driving(tmp_path / "a.mp4", OneFace(), "whole", SIDE, fps=10)
    with VideoWriter(tmp_path / "b.mp4", driving.fps, driving.sound) as writer:
        for moment in driving:
            writer.write(moment.frame, moment.repeats)
    assert len(shown(tmp_path / "b.mp4")) == 20
    assert greatest_offset(tmp_path / "a.mp4", tmp_path / "b.mp4", 10) <= 1
