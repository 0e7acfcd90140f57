"""How fast is a head drawn, stage by stage, from a film and live?

    python -m drawn_heads --output HEADS --people 1 --frames 150 --size 256
    python -m benchmarks.inference --video HEADS/id00000/video000/00001.mp4 --presets demo small

Heads have random weights, which take as long as trained ones. First milliseconds a frame of each
stage by itself; then of whole runs, from a film to a file, stage after stage and overlapping, and
from a camera, for which a stand-in gives the film's frames in real time. "Of the network" is a
whole run's time over that of the network alone.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import torch

from benchmarks.content import preset
from config import PRESETS
from dataset.crop import clip_box, crop
from dataset.detection.kinds import create_detector
from dataset.landmarks import draw_landmarks
from dataset.video.reading import stream_frames
from dataset.video.writing import VideoWriter
from inference import camera
from inference.driving import open_driving
from inference.onnx_export import export_head
from network.personal_generator import PersonalGenerator
from system.device import resolve_device, resolve_precision, set_threads
from talking_head import Animation, OnnxHead, TalkingHead
from talking_head.drawing import SMOOTH_LIVE, DrawingHead
from talking_head.live import Pace, follow
from training.checkpoint import Head
from training.hardware import Hardware
from training.models import build_models

BATCHES = 1, 8
LIVE_SECONDS = 12.0
LIVE_FPS = 25.0
FILM = ["pixels", "network", "alone, batch 1", "batch 8", "landmarks", "drawing", "encoding",
        "rest", "one after the other", "overlapping", "ratio", "of the network"]  # fmt: skip
LIVE = ["pixels", "network", "frames/s", "delay", "landmarks", "drawing", "waiting and cutting",
        "frames dropped"]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path, required=True, help="a film with one face")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=["demo", "small", "paper"])
    parser.add_argument("--backends", nargs="+", default=["float32", "bfloat16", "onnx"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--frames", type=int, default=100, help="for the stages alone")
    parser.add_argument("--repeats", type=int, default=3, help="of each whole run to a file")
    options = parser.parse_args()
    set_threads(options.threads)
    kinds = list(itertools.product(options.presets, options.backends))
    shots = list(itertools.islice(stream_frames(options.video), options.frames))
    started = time.perf_counter()
    faces = found(shots)
    seconds = time.perf_counter() - started
    print(f"{len(shots)} frames of {shots[0].shape[1]} x {shots[0].shape[0]}, {options.device}\n")
    table(["stage", "ms a frame"])
    print(f"| decoding | {decoding(options.video, len(shots)):.1f} |")
    print(f"| landmarks, dlib | {1e3 * seconds / len(shots):.1f} |")
    for name in options.presets:
        drawing(name, shots, faces)
    for title, columns, row in (("A film, ms", FILM, film_row), ("Live, ms", LIVE, live_row)):
        print(f"\n{title}\n")
        table(columns)
        for name, backend in kinds:
            head = made(name, backend, options)
            cells = [head.image_size, backend, *row(head, options, faces)]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


def film_row(head: DrawingHead, options: argparse.Namespace, faces: np.ndarray) -> Iterator[str]:
    """Measure a network alone, and from a film to a file by turns in both ways."""
    size = head.image_size
    points = faces * (size / np.ptp(faces, (0, 1)).max())
    points = (points - points.mean((0, 1)) + size / 2).astype(np.float32)
    alone = [network_time(head, points, batch) for batch in BATCHES]
    runs = []
    for _ in range(options.repeats):
        with mock.patch("talking_head.animation.ahead", lambda items, most: iter(items)):
            one_by_one = to_file(head, options.video)
        runs.append((*one_by_one, to_file(head, options.video).whole))
    landmarks, network, encoding, whole, overlapping = np.median(runs, axis=0)
    rest = whole - landmarks - network - encoding
    for seconds in (*alone, landmarks, network, encoding, rest, whole, overlapping):
        yield f"{1e3 * seconds:.1f}"
    yield f"{statistics.median(after / before for *_, before, after in runs):.2f}"
    yield f"{overlapping / alone[-1]:.2f}"


class Clocked:
    """A stage, and the seconds of the last times that it was called."""

    def __init__(self, stage: Callable):
        self.stage, self.seconds = stage, deque(maxlen=10_000)  # for hours it would grow

    def __call__(self, *words: object) -> object:
        started = time.perf_counter()
        result = self.stage(*words)
        self.seconds.append(time.perf_counter() - started)
        return result


class Run(NamedTuple):
    """Seconds a frame."""

    landmarks: float
    network: float
    """Landmark images included."""
    encoding: float
    whole: float


def to_file(head: DrawingHead, video: Path) -> Run:
    """Animate a film, the whole of it: what is read ahead and not drawn would count too."""
    see, draw, animation = watched(head, video)
    see.seconds.clear()  # it has looked ahead to find the square
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        with VideoWriter(Path(folder) / "film.mp4", animation.fps) as writer:
            write, count = Clocked(writer.write), 0
            for moment in animation.moments():
                write(moment.frame)
                count += 1
        whole = time.perf_counter() - started
    spent = (sum(stage.seconds) for stage in (see, draw, write))
    return Run(*(seconds / count for seconds in (*spent, whole)))


def live_row(head: DrawingHead, options: argparse.Namespace, faces: np.ndarray) -> Iterator[str]:
    """Follow the film as a camera would show it."""
    pace, *stages = live(head, options.video, LIVE_SECONDS, lambda picture, line: True)
    parts = [statistics.median(stage.seconds) for stage in stages]
    yield f"{pace.fps:.1f}"
    for seconds in (pace.delay, *parts, pace.delay - sum(parts)):
        yield f"{1e3 * seconds:.0f}"
    yield str(pace.dropped)


def made(name: str, backend: str, options: argparse.Namespace) -> DrawingHead:
    """Make an untrained head of a preset's size; of the options, device and threads."""
    torch.manual_seed(0)
    networks = asdict(preset(name)["networks"])
    generator = build_models(1, **networks).generator
    network = PersonalGenerator(generator, torch.randn(1, generator.style_size)).eval()
    facts = {"crop": "face", "detectors": ["dlib"], "landmarks": np.ones((1, 68, 2)).tolist()}
    if backend == "onnx":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "head.onnx"
            export_head(network, networks["image_size"], facts, path)
            return OnnxHead(path, options.threads)
    device = resolve_device(options.device)
    known = np.ones((1, 68, 2), np.float32)
    head = Head(network, {"networks": networks}, "face", known, "dlib")
    return TalkingHead(head, "untrained", Hardware(device, resolve_precision(backend, device)))


def network_time(head: DrawingHead, points: np.ndarray, batch: int) -> float:
    """Seconds a frame, landmark images included, the median of some batches."""
    part = points[:batch]
    return timed(lambda: head.draw(part), repeats=7) / len(part)


def live(
    head: DrawingHead, video: Path, seconds: float, show: Callable[[np.ndarray, str], bool]
) -> tuple[Pace, Clocked, Clocked]:
    """Follow the film as a camera would show it."""
    with mock.patch.object(camera.cv2, "VideoCapture", lambda number: StandIn(video)):
        see, draw, animation = watched(head, Path("0"), seconds)
    pace = follow(animation, lambda moment: moment.frame, show, lambda frame, times: None)
    return pace, see, draw


def watched(
    head: DrawingHead, path: Path, seconds: float | None = None
) -> tuple[Clocked, Clocked, Animation]:
    """Open a driver; return its stages that find landmarks and that draw, and the animation."""
    detector, draw = create_detector("dlib"), Clocked(head.draw)
    detector.detect = see = Clocked(detector.detect)
    driving = open_driving(path, detector, "face", head.image_size, seconds=seconds)
    known, is_live = np.ones((1, 68, 2), np.float32), driving.length is None
    settings = {"smooth": SMOOTH_LIVE, "batch_size": 1} if is_live else {}
    return see, draw, Animation(draw, driving, known, **settings)


class StandIn:
    """Shows a film in real time, over and over, like a camera."""

    def __init__(self, video: Path):
        self.frames = [np.ascontiguousarray(frame[..., ::-1]) for frame in stream_frames(video)]
        self.number, self.due = 0, time.monotonic()

    def isOpened(self) -> bool:  # noqa: N802, OpenCV's name
        return True

    def get(self, what: int) -> float:
        return LIVE_FPS

    def read(self) -> tuple[bool, np.ndarray]:
        self.due = max(self.due + 1 / LIVE_FPS, time.monotonic() - 1 / LIVE_FPS)
        time.sleep(max(self.due - time.monotonic(), 0))
        self.number += 1
        return True, self.frames[self.number % len(self.frames)]

    def release(self) -> None:
        pass


def found(shots: list[np.ndarray]) -> np.ndarray:
    """Find the landmarks of a film's frames, each near the one before: (F, 68, 2)."""
    detector, faces = create_detector("dlib"), []
    for number, shot in enumerate(shots):
        near = faces[-1] if faces else None
        faces.append(detector.detect([shot], [(Path("film"), number)], [near])[0])
    return np.stack(faces)


def decoding(video: Path, frames: int) -> float:
    """Milliseconds a frame."""

    return 1e3 * timed(lambda: list(itertools.islice(stream_frames(video), frames))) / frames


def drawing(name: str, shots: list[np.ndarray], faces: np.ndarray) -> None:
    """Print what cutting, landmark images and encoding take at a preset's size."""
    size = preset(name)["networks"].image_size
    box = clip_box(faces)

    def cut() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (crop(shot, face, box, size) for shot, face in zip(shots, faces, strict=True))

    seconds = timed(lambda: list(cut()))
    print(f"| cutting, {size} | {1e3 * seconds / len(shots):.1f} |")
    frames, points = zip(*cut(), strict=True)
    seconds = timed(lambda: [draw_landmarks(face, size) for face in points])
    print(f"| landmark images, {size} | {1e3 * seconds / len(shots):.1f} |")

    def encode() -> None:
        with tempfile.TemporaryDirectory() as folder, VideoWriter(Path(folder) / "a.mp4", 25) as to:
            for frame in frames:
                to.write(frame)

    print(f"| encoding, {size} | {1e3 * timed(encode) / len(shots):.1f} |")


def table(columns: list[str]) -> None:
    """Print the head of a table."""
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def timed(job: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of a job, the median of some after one that does not count."""
    job()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
