"""Write the videos of many drawn heads, with their landmarks beside them."""

import concurrent.futures
import multiprocessing
import os
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from dataset.landmarks import POINTS
from dataset.video.writing import VideoWriter
from drawn_heads.render import render
from drawn_heads.set import FPS, DrawnSet, draw_video
from system.files import remove_stale, replacing
from system.progress import progress_bar

VIDEOS = "id*/video*"  # in the folder


def video_path(output: Path, person: int, video: int) -> Path:
    """Return where a video lies below `output`, as VoxCeleb has it: person / video / segment."""
    return Path(output) / f"id{person:05d}" / f"video{video:03d}" / "00001.mp4"


def write_heads(
    output: Path,
    people: int,
    videos_per_person: int = 1,
    frames: int = 100,
    size: int = 256,
    seed: int = 0,
    first_person: int = 0,
    workers: int | None = None,
    progress: bool = True,
    fps: float = FPS,
) -> list[Path]:
    """Draw videos of talking heads: OUTPUT/id00000/video000/00001.mp4.

    Beside each video lies 00001.landmarks.npy, float32 (frames, 68, 2), (x, y) in pixels, and above
    them all heads.json, which says how they were drawn. Files
    appear whole or not at all. Videos that are already there with all their landmarks are kept, so
    an interrupted run can be repeated.

    Args:
        output: folder to write into; made if missing.
        people: number of people, at least 1.
        videos_per_person: videos of each, at least 1, with other clothes, background and light.
        frames: frames of each video, at least 1.
        size: side of the square frames in pixels, even and at least 16.
        seed: seed of the whole set; see `draw_video`.
        first_person: number of the first person; sets with disjoint numbers share nobody.
        workers: processes; None takes one per processor, 1 draws in this process.
        progress: show a progress bar.
        fps: frames per second.

    Returns:
        The paths of all videos, by person, then video.

    Raises:
        ValueError: a number is out of range, or `output` holds heads that were drawn otherwise.
    """
    limits = (
        ("people", people, 1),
        ("videos_per_person", videos_per_person, 1),
        ("frames", frames, 1),
        ("size", size, 16),
        ("seed", seed, 0),
        ("first_person", first_person, 0),
        ("workers", 1 if workers is None else workers, 1),
    )
    for name, value, least in limits:
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if not fps > 0:
        raise ValueError(f"fps must be above 0, got {fps}")
    if size % 2:
        raise ValueError(f"size must be even, as video coders want it, got {size}")
    numbers = [
        (person, video)
        for person in range(first_person, first_person + people)
        for video in range(videos_per_person)
    ]
    paths = [video_path(output, person, video) for person, video in numbers]
    remove_stale(output)
    DrawnSet(seed, fps, size).write(output)
    missing = [
        (path, seed, person, video, frames, size, fps)
        for path, (person, video) in zip(paths, numbers, strict=True)
        if not _is_complete(path, frames)
    ]
    workers = min(workers or os.cpu_count() or 1, len(missing))
    bar = progress_bar(
        total=len(paths), initial=len(paths) - len(missing), disable=not progress, unit="video"
    )
    with bar:
        if workers <= 1:
            for job in missing:
                _write_video(*job)
                bar.update()
        else:
            _write_in_processes(missing, workers, bar)
    return paths


def _write_in_processes(jobs: list[tuple], workers: int, bar: tqdm) -> None:
    # Fresh processes and not forks: OpenCV's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        workers, context, initializer=cv2.setNumThreads, initargs=(1,)
    ) as pool:
        futures = [pool.submit(_write_video, *job) for job in jobs]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _write_video(
    path: Path, seed: int, person: int, video: int, frames: int, size: int, fps: float
) -> None:
    """Draw and write one video and its landmarks; the video appears last."""
    identity, scene, motion = draw_video(seed, person, video, frames, fps)
    points = np.empty((frames, POINTS, 2), np.float32)
    with VideoWriter(path, fps) as writer:
        for index in range(frames):
            frame, points[index] = render(identity, scene, motion[index], size)
            writer.write(frame)
        with replacing(path.with_suffix(".landmarks.npy")) as partial:
            np.save(partial, points)


def _is_complete(path: Path, frames: int) -> bool:
    landmarks = path.with_suffix(".landmarks.npy")
    if not (path.is_file() and landmarks.is_file()):
        return False
    return len(np.load(landmarks, mmap_mode="r")) == frames
