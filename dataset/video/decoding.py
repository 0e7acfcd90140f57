"""How frames are found in a video file: a table of its packets, and a decoder led by it."""

import os
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.stream import Disposition

from dataset.video.colours import to_rgb
from dataset.video.orientation import (
    Matrix,
    display_matrix,
    square_pixels,
    turn_upright,
    upright_size,
)

# A packet of these holds one frame, and decoding may begin at any packet that is marked as a key.
# VP8 for one has packets that are never shown, and nothing but their bits tells which.
TABLED_CODECS = (
    "h264", "hevc", "av1", "libdav1d", "vp9", "mpeg4", "mpeg1video", "mpeg2video", "mjpeg",
)  # fmt: skip
SEEK_BYTES = 4_000_000  # less is read and dropped, which takes no longer than a seek


class PacketsMisleadError(Exception):
    """Other frames come out of the decoder than the packets let expect."""


class Packets(NamedTuple):
    """The P packets of a video in the order of decoding; F of them are shown as a frame."""

    times: np.ndarray
    """(P,) int64: when each is shown, in the stream's unit; all different."""
    keys: np.ndarray
    """(P,) bool: whether decoding can begin here."""
    sizes: np.ndarray
    """(P,) int64: bytes."""
    shown: np.ndarray
    """(F,) int64: the packet of each frame, in the order of display."""


class Video:
    """A file opened to decode its pictures; `packets` yields those that were not read yet.

    Args:
        path: the file.
        threads: of the decoder; 0: as many as it likes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a video.
    """

    def __init__(self, path: Path, threads: int = 1):
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path} does not exist or is no file")
        av.logging.set_level(None)  # errors are raised, FFmpeg need not print them as well
        self.path, self._threads = Path(path), threads
        self._matrix: Matrix | None = None
        self._open()

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *error) -> None:
        self._close()

    def _open(self) -> None:
        # FFmpeg takes a relative path with a colon for an address. Titles in other alphabets must
        # not be an error.
        address = os.path.abspath(self.path)  # noqa: PTH100 - Path has none that keeps links
        try:
            self._container = av.open(address, metadata_errors="replace")
        except PermissionError:
            raise
        except (av.FFmpegError, ValueError):
            raise ValueError(f"{self.path} is not a video that FFmpeg can read") from None
        self.stream = self._container.streams.best("video")
        if self.stream is None or self.stream.codec_context is None:
            self._container.close()
            raise ValueError(f"{self.path} is not a video: it has no pictures FFmpeg can decode")
        if self.stream.disposition & Disposition.attached_pic:
            self._container.close()
            raise ValueError(f"{self.path} is not a video: it has sound and a cover picture")
        self._decoder = self.stream.codec_context
        self._decoder.thread_count, self._decoder.thread_type = self._threads, "AUTO"
        self.packets = self._reader = self._read_packets()
        self._next = 0  # number of the packet that comes next

    def _close(self) -> None:
        # What is in the middle of its work when its file is closed is freed late, or never.
        self._reader.close()
        self.packets = iter(())
        self._decoder.flush_buffers()
        self._container.close()

    def _read_packets(self) -> Iterator[av.Packet]:
        """Yield the packets of the pictures from here on, but for a last one that is cut short."""
        doubtful = None
        with closing(self._container.demux(self.stream)) as packets:
            while True:
                try:
                    packet = next(packets, None)
                except av.FFmpegError:  # damaged beyond here
                    return
                if packet is None:
                    return
                if not packet.size:  # would end the decoding
                    continue
                if doubtful:
                    yield doubtful
                doubtful = packet if packet.is_corrupt else None
                if not doubtful:
                    yield packet

    def decode(self, packet: av.Packet | None) -> list[av.VideoFrame]:
        """Return the frames that come out when a packet goes in; None: all that are left."""
        try:
            return self._decoder.decode(packet)
        except av.FFmpegError:  # a damaged packet shows nothing
            return []

    def frames(self) -> Iterator[av.VideoFrame]:
        """Decode all frames."""
        for packet in self.packets:
            yield from self.decode(packet)
        yield from self.decode(None)

    def chosen_frames(
        self, packets: Packets, indices: list[int]
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decode chosen frames, and of the others only those that they need.

        Args:
            packets: of this file.
            indices: in the order of display, rising, all there.

        Yields:
            index, frame.

        Raises:
            PacketsMisleadError: one does not come out where it should.
        """
        for run in plan_runs(packets, indices):
            times = packets.times[packets.shown[run.indices]].tolist()
            frames = self._needed_frames(packets, run, set(times))
            for index, time in zip(run.indices, times, strict=True):
                yield index, _skip_to(frames, time)
            for _ in frames:  # leaves the decoder empty
                pass

    def to_rgb(self, frame: av.VideoFrame) -> np.ndarray:
        """Return a frame as it is meant to be seen, upright and with square pixels.

        Returns:
            (H, W, 3) uint8 RGB.
        """
        # Asked once: each frame that is asked is bound in a cycle, and its memory is freed late.
        self._matrix = self._matrix or display_matrix(frame)
        shape = square_pixels(frame.width, frame.height, self.stream.sample_aspect_ratio)
        return turn_upright(to_rgb(frame, *shape), self._matrix)

    def clock(self, frame: av.VideoFrame) -> float | None:
        """Return the seconds on the file's clock at which a frame is shown, if it says so."""
        # The last frames that come out of a decoder have lost the unit, and with it `frame.time`.
        return None if frame.pts is None else float(frame.pts * self.stream.time_base)

    def shown_size(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Return the width and height of `to_rgb(frame)`."""
        shape = square_pixels(frame.width, frame.height, self.stream.sample_aspect_ratio)
        return upright_size(*shape, display_matrix(frame))

    def _needed_frames(
        self, packets: Packets, run: "Run", wanted: set[int]
    ) -> Iterator[av.VideoFrame]:
        """Decode a run, but for frames that are not wanted and that no other is built upon."""
        for packet in self._packets_from(packets, run.start):
            self._decoder.skip_frame = "DEFAULT" if packet.pts in wanted else "NONREF"
            yield from self.decode(packet)
            if self._next > run.last:
                break
        yield from self.decode(None)
        self._decoder.flush_buffers()

    def _packets_from(self, packets: Packets, start: int) -> Iterator[av.Packet]:
        if packets.sizes[self._next : start].sum() > SEEK_BYTES:
            self._seek(packets, start)
        for packet in self.packets:
            self._next += 1
            if self._next > start:
                yield packet

    def _seek(self, packets: Packets, start: int) -> None:
        """Go to packet `start` or to one before it."""
        try:
            self._container.seek(int(packets.times[start]), stream=self.stream, backward=True)
        except av.FFmpegError:  # not every file can be entered in the middle
            landed = None
        else:
            self._reader.close()
            self.packets = self._reader = self._read_packets()
            landed = next(self.packets, None)
        number = np.flatnonzero(packets.times == landed.pts) if landed else ()
        if len(number) and number[0] <= start:
            self.packets, self._next = chain([landed], self.packets), int(number[0])
        else:
            self._close()
            self._open()


class Run(NamedTuple):
    """Frames that are decoded in one go."""

    start: int
    """The packet to begin with."""
    last: int
    """The last packet that is needed."""
    indices: list[int]
    """The frames wanted, in the order of display."""


def plan_runs(packets: Packets, indices: list[int]) -> list[Run]:
    """Find what must be decoded to see chosen frames: from the nearest key to the frame itself.

    Args:
        packets: of the video.
        indices: in the order of display, rising.
    """
    keys = np.flatnonzero(packets.keys)
    numbers = packets.shown[indices]
    behind = np.searchsorted(packets.times[keys], packets.times[numbers], side="right")
    runs: list[Run] = []
    for index, last, start in zip(indices, numbers, keys[behind - 1], strict=True):
        if runs and start <= runs[-1].last:  # a frame may be stored behind the key that follows it
            runs[-1].indices.append(index)
            runs[-1] = runs[-1]._replace(last=max(runs[-1].last, last))
        else:
            runs.append(Run(start, last, [index]))
    return runs


def read_packets(video: Video) -> Packets | None:
    """Read all packets of a video that was just opened, without decoding them.

    Returns:
        None if they do not tell which frame is in which.
    """
    decoder = video.stream.codec_context
    if decoder.name not in TABLED_CODECS:
        return None
    rows = [
        (packet.pts, packet.is_keyframe, packet.size, not packet.is_discard)
        for packet in video.packets
    ]
    return _checked(rows, decoder.name in ("h264", "hevc") and decoder.has_b_frames)


def _checked(rows: list[tuple[int | None, bool, int, bool]], reorders: bool) -> Packets | None:
    """Make the table, unless times are missing or double, or frames come before the first key.

    If the decoder `reorders` frames the times must do so too: AVI has those of decoding instead.
    """
    if not rows or any(row[0] is None for row in rows):
        return None
    times, keys, sizes, shown = (np.array(column) for column in zip(*rows, strict=True))
    latest = np.maximum.accumulate(times)
    keys[1:] &= times[1:] > latest[:-1]  # else frames shown later are stored before the key
    order = np.argsort(times)
    order = order[shown[order]]
    early = len(order) and times[order[0]] < times[0]
    unordered = reorders and (np.diff(times) > 0).all()
    if early or unordered or not keys[0] or len(np.unique(times)) < len(times):
        return None
    return Packets(times, keys, sizes, order)


def _skip_to(frames: Iterator[av.VideoFrame], time: int) -> av.VideoFrame:
    for frame in frames:
        if frame.pts == time:
            return frame
        if frame.pts is None or frame.pts > time:
            break
    raise PacketsMisleadError
