"""What baselines and a model draw of one video, and what is noted of it."""

import itertools
import json

import numpy as np
import pytest
import torch

from dataset.images import image_to_frame, normalize
from drawn_heads.set import DrawnSet
from evaluation.measures import Instruments
from evaluation.models import Contestant
from evaluation.protocol import Pictures, read_subject
from evaluation.trial import COPY, CURVE, FEED_FORWARD, FINE_TUNED, MEAN, Settings, Trial
from loss.content import ContentLoss
from metric.ssim import ssim
from network.personal_generator import PersonalGenerator
from tests.evaluation.conftest import HARDWARE, Colour, Finding, pictures, subject
from tests.runs import load_feed_forward

SHOTS, STEPS = (1, 3), 5
OWN, OTHER = "id00050/video000", "id00053/video001"
MOTIONS = ("absolute", "relative", "retargeted", "true")


def settings(shots=SHOTS, steps=STEPS, drawn=None, batch_size=2):
    return Settings(shots, steps, drawn, batch_size, 0)


def as_features(images):
    """Stand in for Inception: the pixels themselves, so that results hold what was drawn."""
    return images.flatten(1)


PIXELS = {"ssim", "psnr", "l1", "expression", "detail"}  # measured without any instrument
SEEING = Instruments(inception=as_features)


@pytest.fixture(scope="module")
def person(strangers):
    return read_subject(strangers, OWN, 64, shots=3, held_out=4, seed=0)


@pytest.fixture(scope="module")
def driver(strangers):
    return read_subject(strangers, OTHER, 64, shots=3, held_out=4, seed=0)


@pytest.fixture(scope="module")
def tried(contestant, person, driver, stranger_heads):
    """A model's result with fine-tuning, and with another one's motion."""
    drawn = DrawnSet.read(stranger_heads)
    return Trial(person, settings(drawn=drawn), SEEING, HARDWARE).of(contestant, driver)


def keys(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


def test_copying_the_nearest_frame_is_perfect_where_it_is_the_true_one():
    known = pictures(0, 6)
    held_out = Pictures(*(field[3:] for field in known))
    rows = Trial(subject(known, held_out), settings((6,)), Instruments(), HARDWARE)
    scores = rows.of_baselines().rows[0]["scores"]
    same = {"ssim": pytest.approx(1), "psnr": 100, "l1": 0, "expression": 0}
    same["detail"] = pytest.approx(1)
    assert scores == same | {"flicker": 0}


def test_the_nearest_frame_is_of_the_nearest_landmarks_among_the_t():
    known, held_out = pictures(0, 4), pictures(1, 3)
    moved = np.random.default_rng(0).normal(0, 0.1, (3, 68, 2)).astype(np.float32)
    held_out = held_out._replace(landmarks=known.landmarks[[2, 0, 1]] + moved)
    trial = Trial(subject(known, held_out), settings((1, 2, 4)), SEEING, HARDWARE)
    features = trial.of_baselines().features
    images = normalize(known.images).flatten(1).numpy()
    assert np.array_equal(features[f"4 {COPY}"], images[[2, 0, 1]])
    assert np.array_equal(features[f"1 {COPY}"], images[[0, 0, 0]])
    assert features[f"2 {COPY}"].shape == (3, 768)
    assert np.array_equal(features[f"2 {COPY}"][1:], images[[0, 1]])
    assert np.array_equal(features["truth"], normalize(held_out.images).flatten(1).numpy())


def test_the_mean_frame_is_the_mean_of_the_t_and_of_one_it_is_the_copy():
    trial = Trial(subject(pictures(0, 4), pictures(1, 3)), settings((1, 3)), SEEING, HARDWARE)
    result = trial.of_baselines()
    images = normalize(pictures(0, 4).images)
    expected = images[:3].mean(0).flatten().numpy()
    assert np.allclose(result.features[f"3 {MEAN}"], expected, atol=1e-6)
    assert result.features[f"3 {MEAN}"].shape == (3, 768)
    by_key = dict(zip(keys(result.rows, "shots", "method"), result.rows, strict=True))
    assert by_key[1, MEAN]["scores"] == by_key[1, COPY]["scores"]
    assert by_key[3, MEAN]["scores"] != by_key[3, COPY]["scores"]


def test_baselines_have_a_row_for_every_t_and_nothing_else():
    trial = Trial(
        subject(pictures(0, 4), pictures(1, 3)), settings((1, 4)), Instruments(), HARDWARE
    )
    rows, cross, curve, features, strips = trial.of_baselines()
    assert keys(rows, "shots", "method") == [(1, COPY), (1, MEAN), (4, COPY), (4, MEAN)]
    assert cross == curve == []
    assert features == strips == {}


def test_a_models_rows_are_complete_and_in_order(tried):
    own = [(shots, method) for shots in SHOTS for method in (FEED_FORWARD, FINE_TUNED)]
    assert keys(tried.rows, "shots", "method") == own
    assert list(tried.features) == [f"{shots} {method}" for shots, method in own]
    assert keys(tried.cross, "shots", "method", "motion") == [
        (3, method, motion) for method in (FEED_FORWARD, FINE_TUNED) for motion in MOTIONS
    ]
    assert all(set(row["scores"]) == PIXELS | {"flicker"} for row in tried.rows)
    assert all(set(row["scores"]) == PIXELS | {"drawn_leak"} for row in tried.cross)
    json.dumps(tried[:3], allow_nan=False)


def test_feed_forward_is_what_the_runs_average_draws_of_the_first_t(tried, trained, person):
    embedder, generator, _ = load_feed_forward(trained)
    for shots in SHOTS:
        known = person.known.first(shots)
        images, landmarks = (
            normalize(part)[None] for part in (known.images, known.landmark_images)
        )
        with torch.no_grad():
            head = PersonalGenerator(
                generator, generator.project(embedder.embed_video(images, landmarks))
            )
        drawn = head.draw(normalize(person.held_out.landmark_images))
        assert np.allclose(tried.features[f"{shots} {FEED_FORWARD}"], as_features(drawn), atol=1e-5)
        (row,) = (r for r in tried.rows if (r["shots"], r["method"]) == (shots, FEED_FORWARD))
        expected = ssim(drawn, normalize(person.held_out.images)).mean().item()
        assert row["scores"]["ssim"] == pytest.approx(expected, abs=1e-5)


def test_fine_tuned_is_what_the_same_person_draws_after_that_many_steps(tried, contestant, person):
    known = person.known.first(3)
    learner = contestant.meet(known, HARDWARE)
    contestant.study(learner, known, STEPS, 0, HARDWARE)
    drawn = learner.head.draw(normalize(person.held_out.landmark_images))
    assert np.allclose(tried.features[f"3 {FINE_TUNED}"], as_features(drawn), atol=1e-4)
    untuned = tried.features[f"3 {FEED_FORWARD}"]
    assert np.abs(tried.features[f"3 {FINE_TUNED}"] - untuned).mean() > 1e-3


def test_the_curve_begins_feed_forward_and_ends_fine_tuned(tried):
    steps = [step for step in CURVE if step <= STEPS]
    assert keys(tried.curve, "shots", "step") == [(t, step) for t in SHOTS for step in steps]
    for shots in SHOTS:
        first, *_, last = (one["scores"] for one in tried.curve if one["shots"] == shots)
        before, after = (row["scores"] for row in tried.rows if row["shots"] == shots)
        assert steps[-1] == STEPS
        assert set(first) == PIXELS
        assert first == {name: before[name] for name in first}
        assert last == {name: after[name] for name in last}
        assert first != last


def test_without_fine_tuning_there_is_feed_forward_only(contestant, person, tried):
    result = Trial(person, settings(steps=0), SEEING, HARDWARE).of(contestant, None)
    assert keys(result.rows, "shots", "method") == [(t, FEED_FORWARD) for t in SHOTS]
    assert result.curve == result.cross == []
    assert result.rows == [row for row in tried.rows if row["method"] == FEED_FORWARD]
    assert set(result.strips) == {"self"}


def test_by_default_a_model_is_fine_tuned_as_long_as_in_the_paper(contestant, person, monkeypatch):
    asked = []

    def study(self, person, known, steps, seed, hardware, after_step):
        asked.append((len(known.frames), steps, seed))

    monkeypatch.setattr(Contestant, "study", study)
    result = Trial(person, settings(steps=None), SEEING, HARDWARE).of(contestant, None)
    assert asked == [(shots, None, 0) for shots in SHOTS]
    assert keys(result.rows, "method") == 2 * [(FEED_FORWARD,), (FINE_TUNED,)]


def test_a_model_learns_from_nothing_but_the_first_t_frames(contestant, person):
    rng = np.random.default_rng(0)

    def outputs(one):
        return Trial(one, settings(steps=1), SEEING, HARDWARE).of(contestant, None).features

    def noise(part, start=0):
        images = part.images.clone()
        shape = tuple(images[start:].shape)
        images[start:] = torch.from_numpy(rng.integers(256, size=shape, dtype=np.uint8))
        return part._replace(images=images)

    drawn = outputs(person)
    blind = outputs(person._replace(held_out=noise(person.held_out)))
    assert all(np.array_equal(blind[name], drawn[name]) for name in drawn)
    other = outputs(person._replace(known=noise(person.known, start=1)))
    for name in drawn:
        assert np.array_equal(other[name], drawn[name]) == name.startswith("1 "), name


def test_strips_show_sources_landmarks_outputs_and_truth_of_one_moment(tried, person, driver):
    strip = tried.strips["self"]
    outputs = [f"{method} T = {t}" for t in SHOTS for method in (FEED_FORWARD, FINE_TUNED)]
    sources = ["source 1", "source 2", "source 3"]
    assert list(strip) == [*sources, "landmarks", "nearest of 3", *outputs, "truth"]
    assert all(picture.shape == (64, 64, 3) for picture in strip.values())
    frames = image_to_frame(person.held_out.images)
    (moment,) = (i for i, frame in enumerate(frames) if np.array_equal(frame, strip["truth"]))
    drawn = torch.from_numpy(tried.features[f"3 {FINE_TUNED}"]).reshape(4, 3, 64, 64)
    apart = person.held_out.landmarks[:, None] - person.known.landmarks
    ranked = np.linalg.norm(apart, axis=-1).mean(-1).min(1).argsort().tolist()
    assert ranked.index(moment) == 2, "neither best nor worst known, whatever the model draws"
    assert np.array_equal(strip["source 2"], image_to_frame(person.known.images[1]))
    assert np.array_equal(
        strip["landmarks"], image_to_frame(person.held_out.landmark_images[moment])
    )
    assert np.array_equal(strip[f"{FINE_TUNED} T = 3"], image_to_frame(drawn[moment]))
    apart = person.known.landmarks - person.held_out.landmarks[moment]
    away = np.linalg.norm(apart, axis=-1).mean(-1).argmin()
    assert np.array_equal(strip["nearest of 3"], image_to_frame(person.known.images[away]))


def test_strips_of_another_ones_motion_show_every_way_to_drive(tried, person, driver):
    strip = tried.strips["cross"]
    ways = [
        f"{motion} {part}" for motion in MOTIONS for part in ("landmarks", FEED_FORWARD, FINE_TUNED)
    ]
    assert list(strip) == ["source", "driver", *ways, "truth"]
    assert np.array_equal(strip["source"], image_to_frame(person.known.images[0]))
    assert np.array_equal(strip["driver"], image_to_frame(driver.held_out.images[2]))
    shown = image_to_frame(driver.held_out.landmark_images[2])
    assert np.array_equal(strip["absolute landmarks"], shown)
    ways = [strip[f"{motion} {FEED_FORWARD}"] for motion in MOTIONS]
    assert not any(np.array_equal(*pair) for pair in itertools.combinations(ways, 2))


def test_another_ones_motion_is_tried_without_the_true_answer_where_nobody_knows_it(
    contestant, person, driver
):
    instruments = Instruments(descriptor=Colour(), detector=Finding())
    trial = Trial(person, settings(steps=0), instruments, HARDWARE)
    result = trial.of(contestant, driver)
    assert keys(result.cross, "motion") == [(motion,) for motion in MOTIONS[:-1]]
    measured = {"csim", "landmark_error", "pose_error", "jitter", "faces_found", "leak"}
    assert all(set(row["scores"]) == measured for row in result.cross)
    assert "truth" not in result.strips["cross"]
    own = result.rows[0]["scores"]
    assert set(own) == PIXELS | {"flicker"} | measured - {"leak"}
    assert own["jitter"] < 0.02


def test_the_number_of_frames_drawn_at_once_does_not_matter(contestant, person, tried):
    result = Trial(person, settings(batch_size=8, steps=0), SEEING, HARDWARE).of(contestant, None)
    for row, other in zip(result.rows, tried.rows[::2], strict=True):
        assert row["scores"] == pytest.approx(other["scores"], rel=1e-4)


def test_a_loss_that_is_not_finite_stops_the_trial(contestant, person):
    class Broken(ContentLoss):
        def forward(self, fake, real):
            return {name: value * torch.nan for name, value in super().forward(fake, real).items()}

    broken = contestant._replace(content_loss=Broken())
    with pytest.raises(FloatingPointError):
        Trial(person, settings(steps=1), Instruments(), HARDWARE).of(broken, None)


def test_the_subject_is_what_the_trial_says(person):
    trial = Trial(person, settings(), Instruments(), HARDWARE)
    assert torch.equal(trial.truth.images, normalize(person.held_out.images))
    assert trial.truth.landmarks is person.held_out.landmarks
