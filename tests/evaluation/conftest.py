"""Strangers to evaluate on, a model of a few steps, and results that are made up."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from dataset.images import encode_jpeg, image_to_frame, normalize
from dataset.store import Record, video_path, write_record, write_videos
from drawn_heads.videos import write_heads
from evaluation.comparison import Comparison
from evaluation.measures import Frames, Instruments
from evaluation.models import Contestant, load_contestant
from evaluation.protocol import Pictures, Subject
from evaluation.trial import COPY, FEED_FORWARD, FINE_TUNED, MEAN, Result
from loss.content import ContentLoss
from tests.conftest import preprocessed
from tests.dataset.conftest import face_points
from training.hardware import Hardware

SIZE, STORED, FPS = 64, 8, 5.0  # few frames a second, so that neighbours differ
FIRST = 50  # the model was trained on people below it
HARDWARE = Hardware(torch.device("cpu"), torch.float32)


@pytest.fixture(scope="session")
def stranger_heads(tmp_path_factory) -> Path:
    """Raw videos of four people whom no model has seen; the last has two."""
    folder = tmp_path_factory.mktemp("stranger_heads")
    options = {"frames": STORED, "size": SIZE, "fps": FPS, "workers": 1, "progress": False}
    write_heads(folder, 3, first_person=FIRST, **options)
    write_heads(folder, 1, 2, first_person=FIRST + 3, **options)
    return folder


@pytest.fixture(scope="session")
def strangers(stranger_heads, tmp_path_factory) -> Path:
    """The same people preprocessed, all frames stored."""
    return preprocessed(stranger_heads, tmp_path_factory.mktemp("strangers"), STORED)


@pytest.fixture(scope="session")
def contestant(trained) -> Contestant:
    """A model of a few steps."""
    return load_contestant(trained, lambda _: ContentLoss(), HARDWARE)


def pictures(seed: int, count: int, size: int = 16) -> Pictures:
    """Frames of noise, with landmarks anywhere."""
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.integers(256, size=(2, count, 3, size, size), dtype=np.uint8))
    landmarks = rng.uniform(0, size, (count, 68, 2)).astype(np.float32)
    return Pictures(*images, landmarks, tuple(range(count)))


def subject(known: Pictures, held_out: Pictures, video: str = "id1/a") -> Subject:
    return Subject(video, known, held_out, "whole")


def frames_of(
    images: torch.Tensor, landmarks: np.ndarray, instruments: Instruments | None = None, batch=2
) -> Frames:
    """Wrap images, uint8 or in [-1, 1]."""
    images = images if images.is_floating_point() else normalize(images)
    return Frames(images, landmarks, instruments or Instruments(), batch)


def write_folder(
    folder: Path, videos: Mapping[str, int | Sequence[tuple[str, int]]], size: int = 16
) -> Path:
    """Write a preprocessed folder of made-up videos.

    Args:
        videos: of each id the number of frames, or their origins. The landmarks of a frame are its
            place in the record, so that they tell which frame it is.
    """
    for video, origins in videos.items():
        if isinstance(origins, int):
            origins = [("00001.mp4", index) for index in range(origins)]
        rng = np.random.default_rng([*video.encode()])
        frames = rng.integers(256, size=(len(origins), size, size, 3), dtype=np.uint8)
        landmarks = np.ones((len(origins), 68, 2), np.float32)
        landmarks *= np.arange(len(origins))[:, None, None]
        jpegs = tuple(encode_jpeg(frame, 95) for frame in frames)
        record = Record(video, jpegs, landmarks, tuple(origins), size, "stored", "whole")
        write_record(video_path(folder, video), record)
    write_videos(folder, videos)
    return folder


class Finding:
    """A detector that knows the landmarks of some pictures, and finds one face in all others.

    Args:
        known: images (F, 3, H, W), uint8 or in [-1, 1], and landmarks (F, 68, 2).
    """

    name = "finding"

    def __init__(self, *known: tuple[torch.Tensor, np.ndarray]):
        self.known = {
            frame.tobytes(): points
            for images, landmarks in known
            for frame, points in zip(image_to_frame(images), landmarks, strict=True)
        }
        self.asked: list[int] = []

    def detect(self, frames, places, near):
        assert len(frames) == len(places) == len(near)
        assert all(frame.dtype == np.uint8 and frame.shape[2] == 3 for frame in frames)
        assert near == [None] * len(frames), "it is not told what to find"
        self.asked.append(len(frames))
        anywhere = face_points(30, 30, 20)
        return np.stack([self.known.get(frame.tobytes(), anywhere) for frame in frames])


class Colour:
    """A descriptor of faces: which of red, green and blue prevails."""

    name = "colour"

    def __init__(self, same_person: float | None = None):
        self.same_person = same_person
        self.asked: list[torch.Tensor] = []

    def raw(self, images, landmarks):
        assert landmarks.shape == (len(images), 68, 2)
        self.asked.append(landmarks)
        return 2 * torch.nn.functional.one_hot(images.mean((2, 3)).argmax(1), 3).float()


def coloured(colours: str, size: int = 16) -> torch.Tensor:
    """Images (F, 3, size, size) in [-1, 1], each plain: r, g or b."""
    images = torch.full((len(colours), 3, size, size), -1.0)
    for image, colour in zip(images, colours, strict=True):
        image["rgb".index(colour)] = 1
    return images


def strip(*titles: str, size: int = 8, value: int = 0) -> dict[str, np.ndarray]:
    """Pictures of noise by title."""
    rng = np.random.default_rng(value)
    return {title: rng.integers(256, size=(size, size, 3), dtype=np.uint8) for title in titles}


def made_up_baselines(ssim: float, shots: Iterable[int] = (1, 4)) -> Result:
    rows = [
        {"shots": count, "method": method, "scores": {"ssim": ssim + worse, "l1": 0.1}}
        for count in shots
        for method, worse in ((COPY, 0.0), (MEAN, -0.1))
    ]
    features = {f"{row['shots']} {row['method']}": np.eye(3, 2, dtype=np.float32) for row in rows}
    truth = np.float32([[ssim, 0], [1, 2], [3, 1]])
    return Result(rows, [], [], {**features, "truth": truth}, {})


def made_up(ssim: float, tuned: float = 0.1, shots: Sequence[int] = (1, 4)) -> Result:
    """A model's result: fine-tuning adds `tuned` to the SSIM."""
    methods = ((FEED_FORWARD, 0.0), (FINE_TUNED, tuned))
    rows = [
        {"shots": count, "method": method, "scores": {"ssim": ssim + more, "l1": 0.05}}
        for count in shots
        for method, more in methods
    ]
    cross = [
        {"shots": max(shots), "method": m, "motion": motion, "scores": {"pose_error": 1 + ssim}}
        for m, _ in methods
        for motion in ("absolute", "relative")
    ]
    curve = [
        {"shots": count, "step": step, "scores": {"ssim": ssim + step / 100}}
        for count in shots
        for step in (0, 5, 10)
    ]
    rng = np.random.default_rng(int(1000 * ssim))
    features = {
        f"{row['shots']} {row['method']}": rng.normal(size=(3, 2)).astype(np.float32)
        for row in rows
    }
    strips = {
        "self": strip("source 1", "landmarks", "truth", value=int(1000 * ssim)),
        "cross": strip("source", "driver", "truth", value=1),
    }
    return Result(rows, cross, curve, features, strips)


def made_up_comparison(ssims: Sequence[float], models: Sequence[str] = ("runs/a",)) -> Comparison:
    """A comparison of which every model has these results; copies score 0.5."""
    videos = [f"id{number}/a" for number in range(len(ssims))]
    return Comparison(
        videos,
        [made_up_baselines(0.5) for _ in ssims],
        {model: [made_up(ssim) for ssim in ssims] for model in models},
    )
