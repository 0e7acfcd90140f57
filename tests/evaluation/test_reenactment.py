"""One person with another one's motion, where the true answer is known."""

import numpy as np
import pytest
import torch

from dataset.images import frame_to_image, normalize, resize
from dataset.landmarks import draw_landmarks
from drawn_heads.set import DrawnSet
from drawn_heads.truth import reenactment_truth
from evaluation.measures import Frames, Instruments
from evaluation.protocol import read_subject
from evaluation.reenactment import ABSOLUTE, TRUE, Reenactment, projection
from inference.retarget import face_size, most_neutral, most_similar, moved
from tests.evaluation.conftest import Colour, Finding, coloured, pictures

OWN, OTHER = "id00050/video000", "id00053/video001"
RELATIVE, RETARGETED = "relative", "retargeted"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def drawn(stranger_heads):
    return DrawnSet.read(stranger_heads)


@pytest.fixture(scope="module")
def people(strangers):
    return [
        read_subject(strangers, video, 64, shots=3, held_out=4, seed=0) for video in (OWN, OTHER)
    ]


def stage(people, drawn=None, instruments=None):
    def frames(images, landmarks):
        return Frames(images, landmarks, instruments or Instruments(), 2)

    return Reenactment(*people, drawn, frames, CPU)


def shown(reenactment, images, landmarks):
    images = images if images.is_floating_point() else normalize(images)
    return reenactment.frames(images, landmarks)


def test_absolute_motion_is_the_drivers_landmarks(people):
    assert stage(people).motions[ABSOLUTE] is people[1].held_out.landmarks


def test_relative_motion_starts_from_the_sources_own_face_and_moves_as_the_driver(people):
    source, driver = people
    relative = stage(people).motions[RELATIVE]
    driving = driver.held_out.landmarks
    rest = driving[most_neutral(driving)]
    own = source.known.landmarks[most_similar(rest, source.known.landmarks)]
    assert (relative == own).all((1, 2)).any()
    assert relative.dtype == np.float32
    assert relative.shape == driving.shape
    scale = face_size(own) / face_size(rest)
    assert np.allclose(relative - own, (driving - rest) * scale, atol=1e-4)


def test_retargeted_motion_takes_the_sources_shape_from_the_pictures_learnt_from(people):
    source, driver = people
    expected = list(moved(RETARGETED, driver.held_out.landmarks, source.known.landmarks))
    assert np.array_equal(stage(people).motions[RETARGETED], expected)


def test_retargeted_motion_is_nearer_to_the_true_one_than_the_drivers_own(people, drawn):
    motions = stage(people, drawn).motions
    away = {name: np.abs(motions[name] - motions[TRUE]).mean() for name in (ABSOLUTE, RETARGETED)}
    assert away[RETARGETED] < 0.9 * away[ABSOLUTE]


def test_true_motion_is_the_sources_own_face_in_the_drivers_motion(people, drawn):
    reenactment = stage(people, drawn)
    assert list(reenactment.motions) == [ABSOLUTE, RELATIVE, RETARGETED, TRUE]
    for at, frame in enumerate(people[1].held_out.frames):
        answer = reenactment_truth(drawn, OWN, OTHER, frame)
        assert np.allclose(reenactment.motions[TRUE][at], answer.landmarks, atol=1e-4)
        assert torch.equal(reenactment.truth.images[at], frame_to_image(answer.frame))
        leaked = reenactment_truth(drawn, OWN, OTHER, frame, face_of_driver=True)
        assert torch.equal(reenactment.truth.leaked[at], frame_to_image(leaked.frame))
    assert np.abs(reenactment.motions[TRUE] - reenactment.motions[ABSOLUTE]).max() > 1


def test_the_true_answer_has_the_size_of_the_models_images(strangers, drawn):
    small = [read_subject(strangers, video, 32, 3, 4, seed=0) for video in (OWN, OTHER)]
    reenactment = stage(small, drawn)
    assert reenactment.truth.images.shape == reenactment.truth.leaked.shape == (4, 3, 32, 32)
    answer = reenactment_truth(drawn, OWN, OTHER, small[1].held_out.frames[0])
    expected = (answer.landmarks + 0.5) / 2 - 0.5
    assert np.allclose(reenactment.motions[TRUE][0], expected, atol=1e-4)
    assert torch.equal(reenactment.truth.images[0], frame_to_image(resize(answer.frame, 32)))


def test_the_truth_itself_is_perfect_and_the_drivers_face_on_the_source_is_all_leak(people, drawn):
    reenactment = stage(people, drawn)
    right, leaked, landmarks = reenactment.truth
    scores = reenactment.score(shown(reenactment, right, landmarks), TRUE)
    same = {"ssim": pytest.approx(1), "psnr": 100, "l1": 0, "expression": 0}
    same["detail"] = pytest.approx(1)
    assert scores == same | {"drawn_leak": 0}
    scores = reenactment.score(shown(reenactment, leaked, landmarks), TRUE)
    assert scores["drawn_leak"] == pytest.approx(1, abs=1e-5)
    assert scores["ssim"] < 0.999
    assert scores["l1"] > 0


def seen_by(reenactment_people, output, found, bias=0.0):
    """A detector that sees people as their data has them, but biased, and `found` on the output."""
    source, driver = reenactment_people
    known = [(part.images, part.landmarks + bias) for part in (source.known, driver.held_out)]
    return Instruments(detector=Finding(*known, (output, found)))


def noise(count):
    return pictures(3, count, 64).images


@pytest.mark.parametrize(("whose", "leak"), [("source", 0), ("driver", 1)])
def test_landmarks_found_of_one_person_are_that_persons_shape(people, whose, leak):
    known, driving = people[0].known.landmarks, people[1].held_out.landmarks
    found = np.concatenate([known, known[:1]]) if whose == "source" else driving
    reenactment = stage(people, None, seen_by(people, noise(4), found))
    scores = reenactment.score(shown(reenactment, noise(4), driving), ABSOLUTE)
    assert scores["leak"] == pytest.approx(leak, abs=0.2)
    assert scores["faces_found"] == 1


def test_identity_is_compared_with_the_pictures_that_the_source_was_learnt_from(people):
    red = people[0].known._replace(images=((coloured("rrr", 64) + 1) * 127.5).byte())
    pair = [people[0]._replace(known=red), people[1]]
    reenactment = stage(pair, None, Instruments(descriptor=Colour()))
    landmarks = people[1].held_out.landmarks
    scores = reenactment.score(shown(reenactment, coloured("rrrb", 64), landmarks), ABSOLUTE)
    assert scores == {"csim": 0.75}


@pytest.mark.parametrize("motion", [ABSOLUTE, RELATIVE, RETARGETED, TRUE])
@pytest.mark.parametrize("bias", [0.0, 2.0])
def test_a_motion_that_is_followed_has_no_error_whatever_the_detectors_bias(
    people, drawn, motion, bias
):
    shape = np.zeros((68, 2), np.float32)
    shape[:17, 0] = bias  # it sees the jaw elsewhere
    landmarks = stage(people, drawn).motions[motion]
    instruments = seen_by(people, noise(4), landmarks + shape, shape)
    truth = stage(people, drawn).truth
    instruments.detector.known |= Finding((truth.images, truth.landmarks + shape)).known
    reenactment = stage(people, drawn, instruments)
    scores = reenactment.score(shown(reenactment, noise(4), landmarks), motion)
    assert scores["landmark_error"] < 0.01
    if motion == ABSOLUTE:
        assert scores["landmark_error"] == scores["pose_error"] == 0


def test_poses_are_compared_with_the_drivers_and_points_with_those_wanted(people):
    driving = people[1].held_out.landmarks
    reenactment = stage(people, None, seen_by(people, noise(4), driving))
    relative = reenactment.motions[RELATIVE]
    scores = reenactment.score(shown(reenactment, noise(4), relative), RELATIVE)
    assert scores["pose_error"] == 0
    assert scores["landmark_error"] > 0.01


@pytest.mark.parametrize("at_rest", [True, False])
def test_where_the_driver_is_not_seen_there_is_no_number(people, at_rest):
    landmarks = stage(people).motions
    blind = people[1].held_out.landmarks.copy()
    rest = most_neutral(blind)
    blind[rest if at_rest else rest - 1] = np.nan
    moments = people[1].held_out._replace(landmarks=blind)
    instruments = seen_by([people[0], people[1]._replace(held_out=moments)], noise(4), blind)
    reenactment = stage(people, None, instruments)
    for motion in (ABSOLUTE, RELATIVE, RETARGETED):
        scores = reenactment.score(shown(reenactment, noise(4), landmarks[motion]), motion)
        assert (scores["landmark_error"] is None) == (at_rest and motion == RELATIVE)


def test_without_drawn_heads_there_is_no_true_answer(people):
    reenactment = stage(people)
    assert reenactment.truth is None
    assert list(reenactment.motions) == [ABSOLUTE, RELATIVE, RETARGETED]
    images = people[1].held_out.images
    own = shown(reenactment, images, people[1].held_out.landmarks)
    assert reenactment.score(own, ABSOLUTE) == {}


def test_landmarks_are_drawn_as_the_generator_knows_them(people):
    landmarks = people[1].held_out.landmarks
    images = stage(people).draw_landmarks(landmarks)
    assert torch.equal(images, people[1].held_out.landmark_images)
    assert torch.equal(images[2], frame_to_image(draw_landmarks(landmarks[2], 64)))


def test_cut_out_faces_have_no_true_answer_and_the_option_is_named(people, drawn):
    cut = [people[0]._replace(crop="face"), people[1]]
    with pytest.raises(ValueError, match="--drawn-heads needs frames of --crop whole, got face"):
        stage(cut, drawn)


def test_projection_is_nought_half_and_one_on_the_way_and_blind_to_all_beside_it():
    generator = torch.Generator().manual_seed(0)
    right, leaked, noise = torch.rand(3, 2, 3, 8, 8, generator=generator)
    assert projection(right, right, leaked) == 0
    assert projection(leaked, right, leaked) == pytest.approx(1)
    middle = (right + leaked) / 2
    assert projection(middle, right, leaked) == pytest.approx(0.5)
    way = (leaked - right).double()
    noise = noise.double() - 0.5
    beside = noise - way * (noise * way).sum() / way.square().sum()
    assert beside.norm() > 1
    assert projection(middle + beside, right, leaked) == pytest.approx(0.5)
    assert projection(right - way, right, leaked) == pytest.approx(-1)


def test_heads_that_were_drawn_with_another_seed_are_refused(people, drawn):
    with pytest.raises(ValueError, match=f"--drawn-heads is another set: it has {OTHER} elsewhere"):
        stage(people, drawn._replace(seed=drawn.seed + 1))
