"""The sound of a video, brought to the time of another one."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.audio import AudioStream
from av.container import InputContainer
from av.filter import Graph
from av.stream import Disposition

RATE = 48_000  # samples per second


class Sound(NamedTuple):
    """Which sound a result gets, and from when."""

    path: Path
    """A file with sound, or without: then there is none."""
    start: float = 0.0
    """Seconds on the file's clock at which the result begins."""


def has_sound(path: Path) -> bool:
    """Tell whether a file has sound that can be decoded."""
    with _opened(path) as container:
        return _default_track(container) is not None


def sound_start(path: Path) -> float | None:
    """Return the seconds on a file's clock at which its sound begins; None: it has none."""
    with _opened(path) as container:
        track = _default_track(container)
        if track is None or track.start_time is None:
            return None
        return float(track.start_time * track.time_base)


def sound_frames(sound: Sound, encoder: av.AudioCodecContext) -> Iterator[av.AudioFrame]:
    """Decode a sound as an encoder wants it, from the result's start on, without end.

    Where there is none, before its start, in pauses and after its end, there is silence.

    Args:
        sound: what, and from when.
        encoder: opened, for its format and the size of its frames.

    Raises:
        av.FFmpegError: it cannot be decoded.
    """
    with _opened(sound.path) as container:
        track = _default_track(container)
        graph = _graph(track, encoder)
        shift = round(sound.start / track.time_base)
        for frame in chain(container.decode(track), [None]):
            if frame is not None:
                if frame.pts is None:
                    continue
                frame.pts -= shift
            graph.push(frame)
            yield from pulled(graph)


def cut(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    """Return the beginning of a frame."""
    values = frame.to_ndarray()
    kept = samples if frame.format.is_planar else samples * frame.layout.nb_channels
    shorter = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(values[:, :kept]), frame.format.name, frame.layout.name
    )
    shorter.sample_rate, shorter.pts, shorter.time_base = frame.rate, frame.pts, frame.time_base
    return shorter


def pulled(graph: Graph) -> Iterator[av.AudioFrame | av.VideoFrame]:
    """Take what comes out of a graph until it wants more, or is at its end."""
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield frame


def _opened(path: Path) -> InputContainer:
    return av.open(str(Path(path).absolute()), metadata_errors="replace")


def _default_track(container: InputContainer) -> AudioStream | None:
    """Return the sound that a player plays, or None."""
    tracks = [track for track in container.streams.audio if track.codec_context is not None]
    marked = (track for track in tracks if track.disposition & Disposition.default)
    return next(chain(marked, tracks), None)


def _graph(track: AudioStream, encoder: av.AudioCodecContext) -> Graph:
    """Resample, fill pauses with silence, cut the start, and hand out in the encoder's size."""
    graph = Graph()
    steps = [
        ("aresample", f"{RATE}:async=1:min_hard_comp=0.01:first_pts=0"),
        ("aformat", f"sample_fmts={encoder.format.name}:channel_layouts={encoder.layout.name}"),
        ("apad", ""),
        ("asetnsamples", f"n={encoder.frame_size or 1024}:p=0"),
    ]
    nodes = [graph.add(name, options) for name, options in steps]
    source = graph.add_abuffer(template=track)
    graph.link_nodes(source, *nodes, graph.add("abuffersink")).configure()
    return graph
