"""How fast is a head drawn, stage by stage, from a film and live?

    python -m drawn_heads --output HEADS --people 1 --frames 150 --size 256
    python -m benchmarks.inference --video HEADS/id00000/video000/00001.mp4 --presets demo small

Heads have random weights, which take as long as trained ones. First milliseconds a frame of each
stage by itself; then whole runs: a film to a file, and a camera, for which a stand-in gives the
film's frames in real time. "Of the network" is a whole run's time over that of the network alone.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

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
from inference.onnx_export import export_head
from network.personal_generator import PersonalGenerator
from system.device import resolve_device, resolve_precision, set_threads
from talking_head import OnnxHead, TalkingHead
from talking_head.drawing import DrawingHead
from talking_head.live import Pace, follow
from training.checkpoint import Head
from training.hardware import Hardware
from training.models import build_models

BATCHES = 1, 8
LIVE_SECONDS = 12.0
LIVE_FPS = 25.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path, required=True, help="a film with one face")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=["demo", "small"])
    parser.add_argument("--backends", nargs="+", default=["float32", "bfloat16", "onnx"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--frames", type=int, default=100)
    options = parser.parse_args()
    set_threads(options.threads)
    shots = list(itertools.islice(stream_frames(options.video), options.frames))
    faces = found(shots)
    print(f"{len(shots)} frames of {shots[0].shape[1]} x {shots[0].shape[0]}, {options.device}\n")
    print("| stage | ms a frame |\n|---|---|")
    print(f"| decoding | {decoding(options.video, len(shots)):.1f} |")
    print(f"| landmarks, dlib | {1e3 * timed(lambda: found(shots)) / len(shots):.1f} |")
    for name in options.presets:
        drawing(name, shots, faces)
    print("\n| pixels | network | batch 1 | batch 8 | a film to a file | of the network | live, "
          "frames/s | delay, ms | frames dropped |\n|" + "---|" * 9)  # fmt: skip
    for name in options.presets:
        for backend in options.backends:
            print(row(name, backend, options, faces), flush=True)


def row(name: str, backend: str, options: argparse.Namespace, faces: np.ndarray) -> str:
    """Measure one network by one backend, alone, from a film and live."""
    head = made(name, backend, options)
    size = head.image_size
    points = faces * (size / np.ptp(faces, (0, 1)).max())
    points = (points - points.mean((0, 1)) + size / 2).astype(np.float32)
    alone = [network_time(head, points, batch) for batch in BATCHES]
    with tempfile.TemporaryDirectory() as folder:
        animation = head.animate(options.video)
        started = time.perf_counter()
        animation.save(Path(folder) / "film.mp4")
        whole = (time.perf_counter() - started) / animation.length
    pace = live(head, options.video)
    cells = [size, backend, *(f"{1e3 * seconds:.1f} ms" for seconds in (*alone, whole))]
    cells += [f"{whole / alone[-1]:.2f}", f"{pace.fps:.1f}", f"{1e3 * pace.delay:.0f}"]
    return f"| {' | '.join(map(str, [*cells, pace.dropped]))} |"


def made(name: str, backend: str, options: argparse.Namespace) -> DrawingHead:
    """Make an untrained head of a preset's size."""
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


def live(head: DrawingHead, video: Path) -> Pace:
    """Follow the film as a camera would show it."""
    camera.cv2.VideoCapture = lambda number: StandIn(video)
    animation = head.animate(0, seconds=LIVE_SECONDS)
    return follow(
        animation, lambda moment: moment.frame, lambda frame, line: True, lambda frame, times: None
    )


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
