"""What is measured on frames, with instruments whose answers are known."""

import math

import numpy as np
import pytest
import torch

from dataset.images import normalize
from evaluation.measures import (
    LARGEST_PSNR,
    MEASURES,
    Frames,
    Instruments,
    identity_kept,
    likeness,
    obedience,
    plain,
    recognition,
    self_reenactment,
)
from metric.geometry import outer_eye_distance
from metric.perceptual import Lpips
from metric.pixels import l1, psnr
from metric.ssim import ssim
from tests.evaluation.conftest import Colour, Finding, coloured, frames_of, pictures


def drawn(seed, count=5):
    part = pictures(seed, count)
    return part.images, part.landmarks


def test_pixels_are_compared_frame_by_frame_and_equal_ones_have_the_largest_psnr():
    images, landmarks = drawn(0)
    other = images.clone()
    other[3] = 255 - other[3]
    a, b = frames_of(images, landmarks), frames_of(other, landmarks)
    scores = likeness(a, b)
    assert set(scores) == {"ssim", "psnr", "l1", "expression", "detail"}
    for name, measure in (("ssim", ssim), ("l1", l1)):
        assert torch.equal(scores[name], measure(a.images, b.images))
    assert scores["psnr"].tolist() == [LARGEST_PSNR] * 3 + [
        psnr(a.images, b.images)[3].item(), LARGEST_PSNR,
    ]  # fmt: skip
    assert scores["psnr"][3] < 20
    assert math.isclose(LARGEST_PSNR, 100)


def test_lpips_sees_every_pair_once_in_batches():
    sizes = []

    def fake(a, b):
        sizes.append(len(a))
        return (a - b).abs().mean((1, 2, 3))

    (a, _), (b, points) = drawn(0), drawn(1)
    scores = likeness(frames_of(a, points, Instruments(lpips=fake)), frames_of(b, points))
    torch.testing.assert_close(scores["lpips"], 2 * scores["l1"])
    assert sizes == [2, 2, 1]
    assert Lpips.__call__ is torch.nn.Module.__call__  # it is called as the fake is


def found_at(landmarks, images):
    """Frames in which a detector finds these landmarks, wherever it should."""
    detector = Finding((images, landmarks))
    return frames_of(images, np.zeros_like(landmarks), Instruments(detector=detector))


def followed(found, wanted, images, driving=None):
    wanted = torch.from_numpy(wanted)
    driving = wanted if driving is None else torch.from_numpy(driving)
    return obedience(found_at(found, images), wanted, driving)


def test_landmarks_three_pixels_off_give_that_error_and_no_jitter():
    images, landmarks = drawn(0)
    scores = followed(landmarks + np.float32([3, 0]), landmarks, images)
    expected = (3 / outer_eye_distance(torch.from_numpy(landmarks))).mean().item()
    assert scores["landmark_error"] == pytest.approx(expected, rel=1e-5)
    assert scores["faces_found"] == 1
    still = np.repeat(landmarks[:1], 5, axis=0)
    assert followed(still + np.float32([3, 0]), still, images)["jitter"] == pytest.approx(
        0, abs=1e-6
    )
    exact = followed(landmarks, landmarks, images)
    assert exact == {"landmark_error": 0, "pose_error": 0, "jitter": 0, "faces_found": 1}


def test_trembling_landmarks_show_as_jitter():
    images, landmarks = drawn(0, 4)
    still = np.repeat(landmarks[:1], 4, axis=0)
    trembling = still + np.float32([[[0, 0]], [[4, 0]], [[0, 0]], [[4, 0]]])
    scores = followed(trembling, still, images)
    eyes = outer_eye_distance(torch.from_numpy(still))[0].item()
    assert scores["jitter"] == pytest.approx(4 / 2**0.5 / eyes, rel=1e-5)


def test_where_no_face_is_found_there_is_no_number_but_their_share():
    images, landmarks = drawn(0, 4)
    scores = plain(followed(np.full_like(landmarks, np.nan), landmarks, images))
    errors = dict.fromkeys(("landmark_error", "pose_error", "jitter"))
    assert scores == {**errors, "faces_found": 0}
    some = landmarks + np.float32([0, 2])
    some[1] = np.nan
    scores = followed(some, landmarks, images)
    assert scores["faces_found"] == 0.75
    eyes = outer_eye_distance(torch.from_numpy(landmarks[[0, 2, 3]]))
    assert scores["landmark_error"] == pytest.approx((2 / eyes).mean().item(), rel=1e-5)


def test_the_pose_is_the_drivers_and_the_points_are_those_that_are_wanted():
    images, wanted = drawn(0, 3)
    driving = pictures(5, 3).landmarks
    scores = followed(driving, wanted, images, driving)
    assert scores["pose_error"] == 0
    assert scores["landmark_error"] > 0.1
    scores = followed(wanted, wanted, images, driving)
    assert scores["landmark_error"] == scores["jitter"] == 0
    assert scores["pose_error"] > 1


def test_landmarks_are_held_against_what_the_same_detector_finds_on_the_truth():
    (images, landmarks), (others, _) = drawn(0), drawn(1)
    biased = landmarks + np.float32([3, 0])  # as another detector than the data's may be
    instruments = Instruments(detector=Finding((images, biased), (others, biased)))
    output, truth = (frames_of(part, landmarks, instruments) for part in (others, images))
    scores = self_reenactment(output, truth)
    assert scores["landmark_error"] == scores["pose_error"] == scores["jitter"] == 0


def test_identity_is_compared_with_the_mean_of_the_pictures_learnt_from():
    points = pictures(0, 4).landmarks
    instruments = Instruments(descriptor=Colour())
    output = frames_of(coloured("rrgb"), points, instruments)
    source = frames_of(coloured("rg"), points[:2], instruments)
    expected = (3 * 0.5**0.5 + 0) / 4
    assert identity_kept(output, source) == {"csim": pytest.approx(expected)}


@pytest.mark.parametrize(("bound", "share"), [(0.5, 0), (1.5, 0.75), (2.5, 1)])
def test_a_frame_is_recognized_within_the_descriptors_bound_of_the_persons_mean(bound, share):
    points = pictures(0, 4).landmarks
    instruments = Instruments(descriptor=Colour(same_person=bound))
    output = frames_of(coloured("rrgb"), points, instruments)
    person = frames_of(coloured("rg"), points[:2], instruments)
    assert recognition(output, person) == {"recognized": share}
    assert identity_kept(output, person)["recognized"] == share
    assert self_reenactment(output, output)["recognized"] in (0, 0.5, 1)
    assert (
        recognition(frames_of(coloured("r"), points, Instruments(None, None, Colour())), person)
        == {}
    )


def test_with_ones_own_motion_identity_is_compared_frame_by_frame():
    colour, points = Colour(), pictures(0, 4).landmarks
    instruments = Instruments(descriptor=colour)
    truth = frames_of(coloured("rrgb"), points, instruments)
    scores = self_reenactment(frames_of(coloured("rggb"), points, instruments), truth)
    assert scores["csim"] == 0.75
    assert [len(asked) for asked in colour.asked] == [2, 2, 2, 2]
    assert np.array_equal(torch.cat(colour.asked[:2]), points)


def test_frames_are_looked_at_once():
    calls = []

    def inception(images):
        calls.append(len(images))
        return images.mean((2, 3))

    images, points = drawn(0, 3)
    detector, colour = Finding(), Colour()
    frames = frames_of(images, points, Instruments(None, inception, colour, detector))
    for _ in range(2):
        assert frames.features.shape == frames.descriptors.shape == (3, 3)
        assert frames.found.shape == (3, 68, 2)
    assert calls == detector.asked == [2, 1]
    assert len(colour.asked) == 2
    assert torch.equal(frames.features, frames.images.mean((2, 3)))


def test_without_instruments_their_numbers_are_absent():
    images, points = drawn(0)
    frames = frames_of(images, points)
    assert self_reenactment(frames, frames) == {
        "ssim": 1, "psnr": 100, "l1": 0, "expression": 0, "flicker": 0, "detail": pytest.approx(1),
    }  # fmt: skip
    assert identity_kept(frames, frames) == {}
    assert Instruments().names == {}


def test_every_number_of_all_instruments_is_a_measure_of_the_table():
    def lpips(a, b):
        return torch.zeros(len(a))

    instruments = Instruments(lpips, lambda images: images, Colour(1.0), Finding())
    images, points = drawn(0)
    frames = Frames(frames_of(images, points).images, points, instruments, 8)
    scores = self_reenactment(frames, frames)
    assert set(scores) == set(MEASURES) - {"fid", "leak", "drawn_leak"}
    assert instruments.names == {
        "lpips": "AlexNet", "inception": "Inception 2015-12-05",
        "descriptor": "colour", "detector": "finding",
    }  # fmt: skip


def test_a_measure_says_which_way_is_better():
    higher = {name for name, measure in MEASURES.items() if measure.higher_is_better}
    assert higher == {"ssim", "psnr", "detail", "csim", "recognized", "faces_found"}


def test_flicker_is_of_the_error_and_not_of_the_picture():
    images, points = drawn(0, 3)
    truth = frames_of(normalize(images) / 2, points)
    brighter = frames_of(truth.images + 0.25, points)
    assert self_reenactment(brighter, truth)["flicker"] == pytest.approx(0, abs=1e-6)
    blinking = truth.images + torch.tensor([0, 0.25, 0])[:, None, None, None]
    flicker = self_reenactment(frames_of(blinking, points), truth)["flicker"]
    assert flicker == pytest.approx(0.25 / 2 / 2**0.5, rel=1e-4)


def test_flicker_of_one_frame_is_no_number():
    images, points = drawn(0, 1)
    frames = frames_of(images, points)
    assert self_reenactment(frames, frames)["flicker"] is None


def test_numbers_are_short_and_what_is_none_is_null():
    assert plain({"a": 0.123456789, "b": math.nan, "c": math.inf, "d": 1234567.0}) == {
        "a": 0.123457, "b": None, "c": None, "d": 1234570.0,
    }  # fmt: skip
