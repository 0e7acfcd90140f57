"""How much faster is preprocessing than the naive way, on the same clips in the same run?

    python -m benchmarks.preprocess                            # landmarks from files
    python -m benchmarks.preprocess --detector face-alignment  # its networks, random weights
    python -m benchmarks.preprocess --detector dlib
    python -m benchmarks.preprocess --source VIDEOS --crop face

The naive way opens each video, reads all its frames, picks K + 1 of them, and asks face-alignment's
public call, as it is made by default but for compilation, for the landmarks of each. It stores the
same pictures. Without --source, clips like VoxCeleb2's are made: six segments of 200 frames.

Random networks find no faces, so here they do all their work and are then made to say where a
plain face is, in both ways alike: what is measured is time alone.
"""

import argparse
import functools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

import config
from benchmarks.clips import write_clips
from benchmarks.public_call import public_call
from dataset.crop import clip_box, crop, whole_box
from dataset.detection.detector import LandmarkDetector
from dataset.detection.dlib import PREDICTOR
from dataset.detection.kinds import create_detector
from dataset.images import encode_jpeg
from dataset.preparation.job import Recipe, process
from dataset.preparation.quality import Gates
from dataset.preparation.report import Report
from dataset.preparation.sources import SourceVideo, find_videos
from dataset.store import Record, video_path, write_record
from pretrained.dlib_files import model_file
from system.processes import run_jobs
from tests.dataset.faces import random_weights, say_faces

FRAMES, SIZE, QUALITY = 9, 256, 95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, help="default: clips made for it")
    parser.add_argument("--videos", type=int, default=12, help="how many are preprocessed")
    parser.add_argument("--naive-videos", type=int, help="how many the naive way; default: all")
    parser.add_argument(
        "--detector", choices=["stored", "dlib", "face-alignment"], default="stored"
    )
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--crop", choices=["whole", "face"], default="whole")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cpu", help="for the naive way and ours")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source = options.source or folder / "clips"
        if not options.source:
            write_clips(source, options.videos)
        if options.detector == "face-alignment":
            os.environ["TORCH_HOME"] = str(folder)
            random_weights(folder)
        videos = find_videos(source)[: options.videos]
        compare(videos, folder, options)


def compare(videos: list[SourceVideo], folder: Path, options: argparse.Namespace) -> None:
    """Do it both ways and print the figures."""
    detect = NAIVE[options.detector](options.device)
    few = videos[: options.naive_videos]
    started = time.perf_counter()
    for video in few:
        preprocess_naively(video, folder / "naive", detect, options.crop)
    naive = len(few) / (time.perf_counter() - started)

    gates = Gates(**vars(config.Gates()))
    if options.detector == "face-alignment":
        gates = gates._replace(least_motion=0.0)  # faces that are made up do not move
    recipe = Recipe(
        SIZE, FRAMES, options.crop, options.detector, options.precision, QUALITY, 0, gates
    )
    make = functools.partial(make_detector, options.detector, options.device, options.precision)
    report, warm = Report(), videos[: 2 * options.workers]
    jobs = ((video, folder / "ours", recipe) for video in [*warm, *videos])
    results = run_jobs(process, jobs, options.workers, make)
    for _ in warm:  # the start of the processes is no work on videos
        next(results)
    started = time.perf_counter()
    for outcome in results:
        report.add(outcome)
    ours = len(videos) / (time.perf_counter() - started)

    print(f"{options.detector}, {options.precision}, {options.device}, {options.workers} workers")
    print(f"naive: {naive:.3f} videos/s ({len(few)} videos)")
    print(f"ours:  {ours:.3f} videos/s ({report.done} of {len(videos)} videos usable)")
    print("\n".join(report.lines()))
    print(f"ratio: {ours / naive:.1f}")


def make_detector(name: str, device: str, precision: str) -> LandmarkDetector:
    """Make the detector as preprocess.py does, and let it see faces."""
    cv2.setNumThreads(1)
    detector = create_detector(name, device, threads=1, precision=precision)
    if name == "face-alignment":
        say_faces(detector)
        frame = np.zeros((64, 64, 3), np.uint8)
        detector.detect([frame], [(Path("warm"), 0)], [None])  # its first call compiles
    return detector


def preprocess_naively(
    video: SourceVideo,
    output: Path,
    detect: Callable[[Path, int, np.ndarray], np.ndarray],
    mode: str,
) -> None:
    """Read everything, pick frames, find their landmarks one by one, cut, and store."""
    frames = []
    for path in video.segments:
        capture, index = cv2.VideoCapture(str(path)), 0
        while True:
            there, frame = capture.read()
            if not there:
                break
            frames.append((path, index, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)))
            index += 1
        capture.release()
    chosen = np.sort(np.random.default_rng(0).choice(len(frames), FRAMES, replace=False))
    picked = [(*frames[number], detect(*frames[number])) for number in chosen]
    stored, moved = [], []
    for _, _, frame, points in picked:
        faces = np.stack([points for *_, points in picked])
        box = whole_box(*frame.shape[:2]) if mode == "whole" else clip_box(faces)
        square, landmarks = crop(frame, points, box, SIZE)
        stored.append(encode_jpeg(square, QUALITY))
        moved.append(landmarks)
    origins = tuple((path.name, index) for path, index, *_ in picked)
    record = Record(video.id, tuple(stored), np.stack(moved), origins, SIZE, "naive", mode)
    write_record(video_path(output, video.id), record)


def read_stored(path: Path, index: int, frame: np.ndarray) -> np.ndarray:
    return np.load(path.with_suffix(".landmarks.npy"))[index]


def dlib_call(device: str) -> Callable[[Path, int, np.ndarray], np.ndarray]:
    """Return dlib as its own example shows it: the frame enlarged to twice its size."""
    import dlib

    detect, predict = (
        dlib.get_frontal_face_detector(),
        dlib.shape_predictor(str(model_file(PREDICTOR))),
    )

    def call(path: Path, index: int, frame: np.ndarray) -> np.ndarray:
        boxes = detect(frame, 1) or [dlib.rectangle(0, 0, *frame.shape[1::-1])]
        points = predict(frame, max(boxes, key=dlib.rectangle.area)).parts()
        return np.array([(point.x, point.y) for point in points], np.float32)

    return call


NAIVE = {
    "stored": lambda device: read_stored,
    "dlib": dlib_call,
    "face-alignment": public_call,
}


if __name__ == "__main__":
    main()
