"""How frames become a file, one encoder for each kind; none holds more than a few frames."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
from av.codec import Codec
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from dataset.images import write_image
from dataset.video.sound import RATE, Sound, cut, has_sound, pulled, sound_frames

# H.264, or what builds of PyAV without it have: MPEG-4 part 2.
H264 = ("libx264", "mpeg4")
BIT_RATE = 192_000  # of the sound
OPTIONS = {
    # Else equal frames become other bytes in another process, or on another CPU.
    "libx264": {"crf": "18", "x264-params": "cpu-independent=1"},
    "mpeg4": {"qscale": "2"},
    "libvpx-vp9": {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
    "libwebp": {"quality": "85"},
}
LOSSLESS = "ffv1"  # of frames that wait for the palette of all of them


class Encoder(Protocol):
    """Writes frames (H, W, 3) uint8 RGB, all of one size, at a constant rate."""

    def write(self, frame: np.ndarray) -> None:
        """Add a frame."""

    def close(self) -> None:
        """Finish the file."""

    def abort(self) -> None:
        """Let go of a file that will not be finished."""


def open_encoder(
    partial: Path, fps: float, width: int, height: int, sound: Sound | None
) -> Encoder:
    """Start to write a file or a folder, as its suffix says.

    Raises:
        av.FFmpegError: it cannot be written.
    """
    return ENCODERS[partial.suffix.lower()](partial, fps, width, height, sound)


class _FileEncoder:
    """One stream of pictures in a file."""

    codec, pixels = "", ""
    container_options: dict[str, str] = {}  # noqa: RUF012 - of the kind, never changed

    def __init__(self, partial: Path, fps: float, width: int, height: int, sound: Sound | None):
        self.rate, self.count = Fraction(fps).limit_denominator(1001), 0
        self._container = av.open(str(partial), "w", options=self.container_options)
        self._video = self._container.add_stream(self.codec, rate=self.rate)
        self._video.width, self._video.height = width, height
        self._video.pix_fmt, self._video.options = self.pixels, OPTIONS.get(self.codec, {})

    def write(self, frame: np.ndarray) -> None:
        self._encode(_picture(frame).reformat(format=self.pixels))

    def _encode(self, picture: av.VideoFrame) -> None:
        picture.pts, picture.time_base = self.count, 1 / self.rate
        self.count += 1
        self._container.mux(self._video.encode(picture))

    def close(self) -> None:
        self._container.mux(self._video.encode(None))
        self._container.close()

    def abort(self) -> None:
        with contextlib.suppress(av.FFmpegError):
            self._container.close()


class Mp4Encoder(_FileEncoder):
    """H.264 and AAC, in BT.709 as the tags say."""

    pixels, sound_codec = "yuv420p", "aac"
    container_options = {"movflags": "+faststart"}  # noqa: RUF012 - see above

    def __init__(self, partial: Path, fps: float, width: int, height: int, sound: Sound | None):
        self.codec = self.codec or _best_h264()
        super().__init__(partial, fps, width + width % 2, height + height % 2, sound)
        context = self._video.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        self._audio = None
        if sound and has_sound(sound.path):
            self._audio = self._container.add_stream(self.sound_codec, rate=RATE)
            self._audio.codec_context.bit_rate = BIT_RATE
            self._audio.codec_context.open()
            self._sound, self._next = sound_frames(sound, self._audio.codec_context), None

    def write(self, frame: np.ndarray) -> None:
        rows, columns = frame.shape[0] % 2, frame.shape[1] % 2
        if rows or columns:  # these codecs want even sides
            frame = cv2.copyMakeBorder(frame, 0, rows, 0, columns, cv2.BORDER_REPLICATE)
        picture = _picture(frame).reformat(
            format=self.pixels, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG,
            dst_color_trc=ColorTrc.BT709, dst_color_primaries=ColorPrimaries.BT709,
            interpolation="BICUBIC",
        )  # fmt: skip
        self._encode(picture)
        self._add_sound()

    def close(self) -> None:
        if self._audio:
            self._add_sound(last=True)
            self._container.mux(self._audio.encode(None))
        super().close()

    def _add_sound(self, last: bool = False) -> None:
        """Add the sound of the frames so far; what the encoder wants at once may end later."""
        end = self.count / self.rate
        while self._audio:
            frame = self._next = self._next or self._heard()
            if frame is None or frame.time + frame.samples / RATE > end:
                break
            self._container.mux(self._audio.encode(frame))
            self._next = None
        if last and self._next is not None:
            left = round((end - self._next.time) * RATE)
            if left > 0:
                self._container.mux(self._audio.encode(cut(self._next, left)))

    def _heard(self) -> av.AudioFrame | None:
        try:
            return next(self._sound, None)
        except av.FFmpegError as error:
            print(f"the sound cannot be decoded from here on: {error}", file=sys.stderr)
            return None


class WebmEncoder(Mp4Encoder):
    """VP9 and Opus."""

    codec, sound_codec = "libvpx-vp9", "libopus"
    container_options = {}  # noqa: RUF012 - see above


class WebpEncoder(_FileEncoder):
    """Animated WebP, which begins again at its end as GIFs do.

    Each frame is a picture of its own: FFmpeg's and Pillow's encoders of whole animations keep all
    frames in memory.
    """

    codec, pixels = "libwebp", "bgra"
    container_options = {"loop": "0"}  # noqa: RUF012 - see above


class GifEncoder(_FileEncoder):
    """GIF with one palette; until that is known, the frames are kept without loss beside it."""

    codec, pixels = LOSSLESS, "bgr0"

    def __init__(self, partial: Path, fps: float, width: int, height: int, sound: Sound | None):
        self._partial, self._kept = partial, partial.with_suffix(".mkv")
        super().__init__(self._kept, fps, width, height, sound)
        self._palette, colours = Graph(), {"width": width, "height": height, "format": "rgb24"}
        source = self._palette.add_buffer(**colours, time_base=1 / self.rate)
        generator, sink = self._palette.add("palettegen"), self._palette.add("buffersink")
        self._palette.link_nodes(source, generator, sink).configure()

    def write(self, frame: np.ndarray) -> None:
        picture = _picture(frame)
        picture.pts, picture.time_base = self.count, 1 / self.rate
        self._palette.push(picture)
        next(pulled(self._palette), None)  # a graph takes in what it was given when it is asked
        self._encode(picture.reformat(format=self.pixels))

    def close(self) -> None:
        super().close()
        self._palette.push(None)
        try:
            with av.open(str(self._kept)) as kept, av.open(str(self._partial), "w") as output:
                gif = output.add_stream("gif", rate=self.rate)
                gif.width, gif.height = self._video.width, self._video.height
                gif.pix_fmt = "pal8"
                for picture in _coloured(kept, self._palette.pull()):
                    output.mux(gif.encode(picture))
                output.mux(gif.encode(None))
        finally:
            self._kept.unlink()

    def abort(self) -> None:
        super().abort()
        self._kept.unlink(missing_ok=True)


class FolderEncoder:
    """A folder of 000000.png, 000001.png, ..."""

    def __init__(self, partial: Path, fps: float, width: int, height: int, sound: Sound | None):
        self._folder, self._count = partial, 0
        partial.mkdir()

    def write(self, frame: np.ndarray) -> None:
        write_image(self._folder / f"{self._count:06d}.png", frame)
        self._count += 1

    def close(self) -> None: ...

    def abort(self) -> None: ...


ENCODERS: dict[str, Callable[..., Encoder]] = {
    ".mp4": Mp4Encoder,
    ".mov": Mp4Encoder,
    ".webm": WebmEncoder,
    ".gif": GifEncoder,
    ".webp": WebpEncoder,
    "": FolderEncoder,
}


def _picture(frame: np.ndarray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")


def _coloured(kept: av.container.InputContainer, palette: av.VideoFrame) -> Iterator[av.VideoFrame]:
    """Give the frames of a file the colours of a palette."""
    graph = Graph()
    frames = graph.add_buffer(template=kept.streams.video[0])
    shape = {"width": palette.width, "height": palette.height, "format": palette.format}
    colours = graph.add_buffer(**shape, time_base=kept.streams.video[0].time_base)
    use = graph.add("paletteuse", "dither=sierra2_4a")
    frames.link_to(use, 0, 0)
    colours.link_to(use, 0, 1)
    use.link_to(graph.add("buffersink"))
    graph.configure()
    palette.pts = 0
    colours.push(palette)
    colours.push(None)
    for picture in chain(kept.decode(video=0), [None]):
        frames.push(picture)
        yield from pulled(graph)


@cache
def _best_h264() -> str:
    """Return the best encoder of this PyAV, and say once what is lost without H.264."""
    for name in H264:
        with contextlib.suppress(ValueError):  # UnknownCodecError is one
            Codec(name, "w")
            break
    else:
        raise ValueError("this PyAV can write neither H.264 nor MPEG-4: pip install av")
    if name != H264[0]:
        print(
            "this PyAV has no H.264: videos are written as MPEG-4, which some browsers do not play",
            file=sys.stderr,
        )
    return name
