"""Videos: ask about one, decode chosen frames or all of them in turn."""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dataset.video.decoding import Packets, PacketsMisleadError, Video, read_packets
from dataset.video.timing import USUAL_FPS

INDEXES_KEPT = 16
LONGEST_LAST = 2.0  # seconds of the last frame, as a header has it


class VideoInfo(NamedTuple):
    """What a video file says of itself."""

    frames: int
    """Number of frames; damaged files lie about it, `count_frames` tells the truth."""
    fps: float
    """Frames per second, on average."""
    width: int
    """Pixels, as it is shown: upright, with square pixels."""
    height: int


class VideoIndex(NamedTuple):
    """Where the frames of a video are, in time and in the file."""

    times: np.ndarray
    """(F,) float64: seconds from the first frame to each; even where the file does not say."""
    durations: np.ndarray
    """(F,) float64: seconds that each frame is shown."""
    fps: float
    """Frames per second, on average."""
    packets: Packets | None
    """How `read_frames` finds frames; None: only by decoding all those before."""
    start: float
    """Seconds on the file's clock at which the first frame is shown."""
    end: float
    """Seconds from the first frame until which the last one is shown."""
    stated: int
    """Frames to be shown that the header tells of; 0 where it tells of none."""


def index_video(path: Path) -> VideoIndex:
    """Learn how many frames a video has and when each is shown, without decoding any.

    Only files that do not say so are decoded, to count their frames. The last few answers are
    kept: who reads frames and who reads their landmarks ask one after the other.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video, or it has no frame.
    """
    try:
        state = Path(path).stat()
    except OSError:
        raise FileNotFoundError(f"{path} does not exist or is no file") from None
    return _index(Path(path), state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=INDEXES_KEPT)
def _index(path: Path, size: int, changed: int) -> VideoIndex:
    with Video(path) as video:
        packets = read_packets(video)
        rate, unit = float(video.stream.average_rate or 0), float(video.stream.time_base)
        stated, lasting = video.stream.frames, float((video.stream.duration or 0) * unit)
    fps = rate if 0 < rate < 1000 else USUAL_FPS
    clock = _decoded_times(path) if packets is None else packets.times[packets.shown] * unit
    if not len(clock):
        raise ValueError(f"{path} has no frame that can be decoded")
    start = float(clock[0]) if np.isfinite(clock[0]) else 0.0
    if np.isfinite(clock).all() and (np.diff(clock) > 0).all():
        gaps = np.diff(packets.times[packets.shown]) * unit if packets else np.diff(clock)
        durations = np.append(gaps, np.median(gaps) if len(gaps) else 1 / fps)
        times = clock - start
    else:  # or where the file does not say
        durations, times = np.full(len(clock), 1 / fps), np.arange(len(clock)) / fps
    last = float(times[-1])
    if packets:  # an edit list may leave out some that the header tells of
        stated = max(stated - (len(packets.times) - len(packets.shown)), 0)
    trusted = stated <= len(times) and last < lasting <= last + LONGEST_LAST
    end = lasting if trusted else last + float(durations[-1])
    return VideoIndex(times, durations, fps, packets, start, end, stated)


def probe(path: Path) -> VideoInfo:
    """Read a video's size, rate and number of frames; its first frame alone is decoded.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video, or it has no frame.
    """
    index = index_video(path)
    with Video(path) as video, contextlib.closing(video.frames()) as frames:
        first = next(frames, None)
        if first is None:
            raise ValueError(f"{path} has no frame that can be decoded")
        return VideoInfo(len(index.durations), index.fps, *video.shown_size(first))


def count_frames(path: Path) -> int:
    """Count the frames that can be decoded, by decoding them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video.
    """
    with Video(path) as video:
        return sum(1 for _ in video.frames())


def read_frames(
    path: Path, indices: Iterable[int], index: VideoIndex | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Decode chosen frames, in rising order, and no others than they need.

    Frames beyond the end are left out. Where the file does not say where its frames are, or one is
    not found there, all those up to the last one asked for are decoded and counted. Frames that
    damage has cost still count as long as none of them, or of those decoded with them, is wanted.

    Args:
        path: the video.
        indices: positions in the order of display, from 0, as in `stream_frames`.
        index: of this video, if it is there already.

    Yields:
        index, frame (H, W, 3) uint8 RGB.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video.
    """
    wanted = sorted(set(indices))
    packets = index.packets if index else _packets_of(path)
    done = -1
    if packets is not None:
        there = [position for position in wanted if position < len(packets.shown)]
        try:
            for done, picture in _jump_to(path, packets, there):
                yield done, picture
            return
        except PacketsMisleadError:
            pass
    yield from _count_to(path, [position for position in wanted if position > done])


def stream_frames(path: Path) -> Iterator[np.ndarray]:
    """Decode all frames in turn, (H, W, 3) uint8 RGB, one in memory at a time.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video.
    """
    for _, frame in stream_timed(path):
        yield frame


def stream_timed(path: Path) -> Iterator[tuple[float | None, np.ndarray]]:
    """Decode all frames in turn, as `stream_frames`, each with its time.

    Yields:
        seconds on the file's clock (None where it does not say), frame.
    """
    with Video(path, threads=0) as video:
        for frame in video.frames():
            yield video.clock(frame), video.to_rgb(frame)


def _packets_of(path: Path) -> Packets | None:
    with Video(path) as video:
        return read_packets(video)


def _decoded_times(path: Path) -> np.ndarray:
    """Decode all frames and return their times on the file's clock, NaN where it does not say."""
    with Video(path) as video:
        clocks = [video.clock(frame) for frame in video.frames()]
    return np.array([np.nan if clock is None else clock for clock in clocks], float)


def _jump_to(path: Path, packets: Packets, wanted: list[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode what the chosen frames need."""
    with Video(path) as video:
        for position, frame in video.chosen_frames(packets, wanted):
            yield position, video.to_rgb(frame)


def _count_to(path: Path, wanted: list[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode frame by frame up to the last one wanted."""
    waiting = iter(wanted)
    sought = next(waiting, None)
    with Video(path) as video:
        for position, frame in enumerate(video.frames()):
            if sought is None:
                return
            if position == sought:
                yield position, video.to_rgb(frame)
                sought = next(waiting, None)
