"""Augmentation makes another person of an episode, and keeps landmarks on the face."""

import cv2
import numpy as np
import pytest
import torch

from dataset.augmentation import Augmentation
from dataset.episodes import VoxCelebDataset
from dataset.landmarks import MIRRORED, PARTS

SIZE = 128
SEEDS = range(12)


def drawn(seed, strength=1.0):
    return Augmentation.draw(np.random.default_rng(seed), strength)


def dotted(points):
    """A dark frame with one bright spot."""
    frame = np.full((SIZE, SIZE, 3), 90, np.uint8)
    cv2.circle(frame, tuple(int(c) for c in points), 3, (200, 200, 200), -1)
    return frame


@pytest.mark.parametrize("seed", SEEDS)
def test_a_spot_is_still_under_its_landmark(seed):
    """Also where it mirrors: then the landmark of the other side lies there."""
    change = drawn(seed)
    for point in ((40, 40), (64, 70), (80, 95)):
        landmarks = np.tile(np.array(point, np.float32), (1, 68, 1))
        (frame,), moved = change.apply([dotted(point)], landmarks)
        away = np.abs(frame.astype(int) - np.median(frame, axis=(0, 1))).sum(-1)
        rows, columns = np.nonzero(away > away.max() / 2)
        assert np.hypot(*(moved[0, 0] - (columns.mean(), rows.mean()))) < 0.75


def test_a_mirrored_face_has_its_sides_swapped():
    for part in PARTS:
        other = {
            "right brow": "left brow", "left brow": "right brow",
            "right eye": "left eye", "left eye": "right eye",
        }.get(part.name, part.name)  # fmt: skip
        (partner,) = (p for p in PARTS if p.name == other)
        expected = set(range(68)[partner.indices])
        assert set(MIRRORED[part.indices].tolist()) == expected, part.name
    assert (MIRRORED[MIRRORED] == np.arange(68)).all()
    landmarks = np.random.default_rng(0).uniform(20, 100, (1, 68, 2)).astype(np.float32)
    change = next(c for c in (drawn(s, 0.0) for s in range(99)) if c.mirrored)
    (frame,), moved = change.apply([np.zeros((SIZE, SIZE, 3), np.uint8)], landmarks)
    np.testing.assert_allclose(moved[0, 36], (SIZE - 1 - landmarks[0, 45, 0], landmarks[0, 45, 1]))
    assert frame.shape == (SIZE, SIZE, 3)


def test_at_strength_0_it_only_mirrors():
    frame = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    sides = set()
    for seed in SEEDS:
        change = drawn(seed, 0.0)
        (changed,), _ = change.apply([frame], np.zeros((1, 68, 2), np.float32))
        np.testing.assert_array_equal(changed, frame[:, ::-1] if change.mirrored else frame)
        sides.add(change.mirrored)
    assert sides == {False, True}


def test_stronger_is_farther_from_the_original():
    landmarks = np.random.default_rng(0).uniform(30, 98, (1, 68, 2)).astype(np.float32)
    frame = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)

    def distances(strength):
        moved, recolored = [], []
        for seed in range(40):
            change = drawn(seed, strength)._replace(mirrored=False)
            (changed,), points = change.apply([frame], landmarks)
            moved.append(np.abs(points - landmarks).mean())
            recolored.append(np.abs(changed.mean((0, 1)) - frame.mean((0, 1))).mean())
        return np.mean(moved), np.mean(recolored)

    (little, pale), (much, bright) = distances(0.3), distances(1.0)
    assert 0 < little < much / 2 < SIZE / 10
    assert 0 < pale < bright


def test_all_frames_of_an_episode_change_alike_and_landmarks_with_them(data):
    dataset = VoxCelebDataset(data, 2, 64, seed=3, augmentation=1.0)
    change = dataset.draw_augmentation(1, 0)
    plain, changed = dataset.plain(1, 0), dataset[1, 0]
    assert changed.target.dtype == torch.uint8
    assert changed.target.shape == plain.target.shape
    frames = [image.permute(1, 2, 0).numpy() for image in (*plain.source, plain.target)]
    expected, _ = change.apply(frames, np.zeros((3, 68, 2), np.float32))
    for image, frame in zip((*changed.source, changed.target), expected, strict=True):
        np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), frame)
    assert (changed.target_landmarks != plain.target_landmarks).any()


def test_it_is_drawn_anew_for_each_epoch_and_video_and_repeats_by_seed(data):
    dataset = VoxCelebDataset(data, 2, 64, seed=3, augmentation=1.0)
    first = dataset[0, 0]
    assert torch.equal(first.target, dataset[0, 0].target)
    colors = {dataset.draw_augmentation(e, i).colors.tobytes() for e in (0, 1) for i in (0, 1)}
    assert len(colors) == 4
    other = VoxCelebDataset(data, 2, 64, seed=4, augmentation=1.0)
    assert other.draw_augmentation(0, 0).colors.tobytes() not in colors


def test_without_it_episodes_are_as_stored(data):
    dataset = VoxCelebDataset(data, 2, 64, seed=3)
    assert dataset.draw_augmentation(0, 0) is None
    assert torch.equal(dataset[0, 0].target, dataset.plain(0, 0).target)
