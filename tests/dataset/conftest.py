"""Tiny videos and photos with landmarks, made in milliseconds."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset.images import write_image


def face_points(x: float, y: float, size: float) -> np.ndarray:
    """Return 68 landmarks of a plain upright face around (x, y), `size` from brow to chin."""
    turn = np.linspace(0, np.pi, 17)
    eye, mouth = np.arange(6) * np.pi / 3, np.arange(12) * np.pi / 6
    across = np.linspace(-0.12, 0.12, 5)
    parts = [
        np.stack([-0.5 * np.cos(turn), 0.7 * np.sin(turn) - 0.2], 1),
        *(np.stack([across + side, np.full(5, -0.32)], 1) for side in (-0.22, 0.22)),
        np.stack([np.zeros(4), np.linspace(-0.2, 0.08, 4)], 1),
        np.stack([across * 0.8, np.full(5, 0.12)], 1),
        *(
            np.stack([side - 0.08 * np.cos(eye), -0.2 - 0.03 * np.sin(eye)], 1)
            for side in (-0.22, 0.22)
        ),
        np.stack([-0.16 * np.cos(mouth), 0.27 - 0.05 * np.sin(mouth)], 1),
        np.stack([-0.1 * np.cos(eye), 0.27 - 0.02 * np.sin(eye)], 1),
        np.array([[-0.02, 0.28], [0.02, 0.28]]),
    ]
    return (np.concatenate(parts) * size + [x, y]).astype(np.float32)


def moving_scene(frames: int, width: int = 96, height: int = 80, seed: int = 0):
    """Return frames (F, H, W, 3) of a disc that moves before a gradient, and its landmarks."""
    rows, columns = np.mgrid[:height, :width]
    rng = np.random.default_rng(seed)
    base = rng.integers(40, 120, 3)
    pictures, landmarks = [], []
    for index in range(frames):
        x, y = width / 2 + 6 * np.sin(index / 5), height / 2 + 3 * np.cos(index / 7)
        picture = base + np.stack([columns, rows, columns * 0 + 5 * (index % 20)], -1)
        picture[np.hypot(columns - x, rows - y) < 18] = (220, 180, 150)
        pictures.append(picture.clip(0, 255).astype(np.uint8))
        landmarks.append(face_points(x, y, 30))
    return np.stack(pictures), np.stack(landmarks)


def write_clip(path: Path, frames: int = 20, missing=(), seed: int = 0, **size) -> np.ndarray:
    """Write a clip and its landmarks, NaN in the `missing` frames; return the landmarks."""
    pictures, landmarks = moving_scene(frames, seed=seed, **size)
    landmarks[list(missing)] = np.nan
    write_pictures(path, pictures, landmarks)
    return landmarks


def write_pictures(path: Path, pictures, landmarks) -> None:
    """Write a clip of these frames (H, W, 3), and their landmarks (68, 2) beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (width, height))
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    np.save(path.with_suffix(".landmarks.npy"), np.stack(landmarks))


def write_photo(path: Path, seed: int = 0, **size) -> np.ndarray:
    """Write a PNG and its landmarks; return the picture."""
    pictures, landmarks = moving_scene(1, seed=seed, **size)
    write_image(path, pictures[0])
    np.save(path.with_suffix(".landmarks.npy"), landmarks)
    return pictures[0]


@pytest.fixture(scope="session")
def random_weights_home(tmp_path_factory) -> Path:
    """A torch hub folder with random weights for face-alignment, under the real names."""
    from tests.dataset.faces import random_weights  # which wants PyTorch

    home = tmp_path_factory.mktemp("torch")
    random_weights(home)
    return home


@pytest.fixture(scope="module")
def random_networks(random_weights_home):
    """Let face-alignment find random weights, in all processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(random_weights_home))
        yield


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Path:
    """A VoxCeleb tree: 3 people, 4 videos, one of them in two segments."""
    folder = tmp_path_factory.mktemp("tree")
    for seed, name in enumerate(("id1/a/00001", "id1/a/00002", "id1/b/00001", "id2/a/00007")):
        write_clip(folder / f"{name}.mp4", frames=14 + seed, missing=(2, 3), seed=seed)
    write_clip(folder / "id3/c/00001.avi", seed=9)
    return folder


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """Enough videos for a run to be interrupted in the middle, again and again."""
    source = tmp_path_factory.mktemp("many")
    for number in range(150):
        write_clip(source / f"id{number % 7}" / f"v{number}" / "1.mp4", frames=12, seed=number)
    return source
