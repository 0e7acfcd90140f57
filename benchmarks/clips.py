"""Clips like VoxCeleb2's, quickly made: 224 pixels, 25 frames per second, H.264, a few segments.

A few drawn frames are moved about and given a camera's noise, so that a coder has as much to do as
with real ones; what the frames show is of no matter here.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from drawn_heads.render import render
from drawn_heads.set import draw_video

FPS = 25
DRAWN = 8  # frames
NOISE = 3.0  # grey values
REACH = 6.0  # pixels


def write_clips(
    folder: Path, videos: int, segments: int = 6, frames: int = 200, size: int = 224, seed: int = 0
) -> None:
    """Write FOLDER/id00000/video/00001.mp4, ... with their landmarks beside them.

    Args:
        folder: made if missing.
        videos: one of each person.
        segments: of each video; VoxCeleb2 has 7.5 on average.
        frames: of each segment; VoxCeleb2 has 195 on average.
        size: side of the square frames, pixels.
        seed: draws them.
    """
    for person in range(videos):
        for segment in range(segments):
            path = Path(folder) / f"id{person:05d}" / "video" / f"{segment + 1:05d}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_clip(path, person, segment, frames, size, seed)


def _write_clip(path: Path, person: int, segment: int, frames: int, size: int, seed: int) -> None:
    landmarks = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", FPS, options={"crf": "23", "preset": "medium"})
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for picture, points in _moving(person, segment, frames, size, seed):
            landmarks.append(points)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    np.save(path.with_suffix(".landmarks.npy"), np.stack(landmarks).astype(np.float32))


def _moving(
    person: int, segment: int, frames: int, size: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield frames (size, size, 3) uint8 RGB and their landmarks (68, 2)."""
    identity, scene, motion = draw_video(seed, person, segment, DRAWN, fps=2.5)
    drawn = [render(identity, scene, pose, size) for pose in motion]
    rng = np.random.default_rng([seed, person, segment])
    noise = rng.normal(0, NOISE, (4, size, size, 1)).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, 2)
    for index in range(frames):
        picture, points = drawn[index * DRAWN // frames]
        shift = REACH * np.sin(phase + index / FPS * np.array([2.0, 3.1]))
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        moved = cv2.warpAffine(picture, matrix, (size, size), borderMode=cv2.BORDER_REFLECT)
        noisy = moved + noise[rng.integers(4)]
        yield noisy.clip(0, 255).astype(np.uint8), points + shift
