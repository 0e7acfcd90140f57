"""Does the data loader keep up? Samples per second and core against what a training step needs.

    python -m benchmarks.loader
    python -m benchmarks.loader --frames-per-video 32 --needed 150

A sample is K + 1 JPEG frames decoded and K + 1 landmark images drawn, at the paper's size. Records
are of drawn heads, about as large as VoxCeleb's frames.
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import torch
from torch.utils.data import DataLoader

from dataset.episodes import EpisodeSampler, VoxCelebDataset
from dataset.images import encode_jpeg
from dataset.store import Record, video_path, write_record, write_settings, write_videos
from drawn_heads.render import render
from drawn_heads.set import draw_video

QUALITY = 95
DRAWN = 8  # people who are drawn; the records repeat them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--sources", type=int, default=8, help="K")
    parser.add_argument("--frames-per-video", type=int, default=9)
    parser.add_argument("--videos", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--needed", type=float, default=150, help="samples/s of the training step")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        size = write_records(Path(folder), options)
        print(
            f"records of {size / options.videos / 1000:.0f} kB, {options.frames_per_video} frames"
        )
        print("| augmentation | workers | samples/s | of one core | MB/s read | cores needed |")
        print("|---|---|---|---|---|---|")
        for augmentation in (None, 1.0):
            dataset = VoxCelebDataset(
                folder, options.sources, options.image_size, augmentation=augmentation
            )
            for workers in options.workers:
                rate = measure(dataset, workers, options)
                each = rate / max(workers, 1)
                print(
                    f"| {'on' if augmentation else 'off'} | {workers} | {rate:.0f} | {each:.0f} "
                    f"| {rate * size / options.videos / 1e6:.0f} | {options.needed / each:.1f} |"
                )


def write_records(folder: Path, options: argparse.Namespace) -> int:
    """Write a preprocessed folder and return the size of its records in bytes."""
    frames = options.frames_per_video
    drawn = []
    for person in range(min(DRAWN, options.videos)):
        who, scene, motion = draw_video(0, person, 0, frames, fps=1.0)
        drawn.append([render(who, scene, motion[t], options.image_size) for t in range(frames)])
    names = [f"id{number:05d}/video" for number in range(options.videos)]
    for number, name in enumerate(names):
        pictures = drawn[number % DRAWN]
        record = Record(
            name,
            tuple(encode_jpeg(frame, QUALITY) for frame, _ in pictures),
            torch.stack([torch.from_numpy(points) for _, points in pictures]).numpy(),
            tuple(("00001.mp4", t) for t in range(frames)),
            options.image_size,
            "stored",
            "whole",
        )
        write_record(video_path(folder, name), record)
    write_videos(folder, names)
    write_settings(folder, {"frames_per_video": frames})
    return sum(video_path(folder, name).stat().st_size for name in names)


def measure(dataset: VoxCelebDataset, workers: int, options: argparse.Namespace) -> float:
    """Return samples/s once the processes have started."""
    sampler = EpisodeSampler(dataset.lengths, options.batch_size)
    loader = DataLoader(dataset, batch_sampler=sampler, num_workers=workers)
    batches = iter(loader)
    for _ in range(2 * max(workers, 1)):
        next(batches)
    started, samples = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < options.seconds:
        samples += len(next(batches).video)
    return samples / elapsed


if __name__ == "__main__":
    main()
