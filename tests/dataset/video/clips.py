"""Clips whose frames are numbered and whose sound beeps, so that both can be found again."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIDE = 64  # pixels
BITS, BLOCK = 12, 16  # of a frame's number; pixels of the block that shows one
BEEP, BEEP_SECONDS = 1.0, 0.1
RATE = 48_000


def numbered(number: int) -> np.ndarray:
    """Return a frame (64, 64, 3) that shows its number in blocks of black and white."""
    bits = [number >> bit & 1 for bit in range(BITS)] + [0] * 4
    blocks = np.array(bits, np.uint8).reshape(4, 4) * 255
    return np.repeat(np.kron(blocks, np.ones((BLOCK, BLOCK), np.uint8))[..., None], 3, 2)


def number_of(frame: np.ndarray) -> int:
    """Read the number that a frame shows."""
    grey = frame.reshape(4, BLOCK, 4, BLOCK, 3).mean((1, 3, 4)).ravel()
    return sum(int(value > 128) << bit for bit, value in enumerate(grey[:BITS]))


def write_numbered(
    path: Path,
    times: Sequence[float],
    sound_from: float | None = 0.0,
    beep: float = BEEP,
    unit: Fraction = Fraction(1, 30_000),
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> None:
    """Write frames that are shown at these seconds, the last one for as long as the one before.

    Args:
        path: .mp4, .mkv, .ts, ...
        times: seconds, rising; may be negative.
        sound_from: seconds at which a sound begins; None: there is none.
        beep: seconds at which it beeps, for 0.1 s.
        unit: of the file's clock.
        codec, options: of the pictures.
        container_options: of the file.
    """
    with av.open(str(path), "w", options=container_options or {}) as container:
        video = container.add_stream(codec, rate=30)
        video.width = video.height = SIDE
        video.pix_fmt, video.options = "yuv420p", {"g": "12"} | (options or {})
        video.codec_context.time_base = unit
        if sound_from is not None:
            audio = container.add_stream("aac", rate=RATE, layout="mono")
            container.mux(_encoded_sound(audio, sound_from, max(times[-1], beep) + 0.5, beep))
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
            frame.pts, frame.time_base = round(time / unit), unit
            container.mux(video.encode(frame))
        container.mux(video.encode(None))


def add_sound(source: Path, path: Path, beep: float) -> None:
    """Copy the pictures of a clip, and add a sound that beeps at these seconds for 0.1 s."""
    with av.open(str(source)) as pictures, av.open(str(path), "w") as container:
        video = container.add_stream_from_template(pictures.streams.video[0])
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        container.mux(_encoded_sound(audio, 0.0, beep + 5.0, beep))
        for packet in pictures.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                container.mux(packet)


def write_sound(path: Path, tracks: int = 1, default: int = 0) -> None:
    """Write 1.5 s of sound that beeps at 1.0 s, in each further track 0.2 s later."""
    codec = "pcm_s16le"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream(codec, rate=RATE, layout="mono") for _ in range(tracks)]
        if tracks > 1:
            for number, stream in enumerate(streams):
                stream.disposition = av.stream.Disposition.default if number == default else 0
        for number, stream in enumerate(streams):
            container.mux(_encoded_sound(stream, 0.0, 1.5, BEEP + 0.2 * number, "s16"))


def heard(path: Path) -> tuple[float | None, float]:
    """Return the seconds on a file's clock at which it beeps, and those that the sound lasts."""
    samples, began, length = [], None, 0
    resampler = av.AudioResampler("s16", "mono", RATE)
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[0]):
            began = frame.time if began is None else began
            missing = round((frame.time - began) * RATE) - length
            if missing > 2:
                samples.append(np.zeros(missing, np.int16))
            samples += [part.to_ndarray().ravel() for part in resampler.resample(frame)]
            length = sum(len(part) for part in samples)
    loud = np.flatnonzero(np.abs(np.concatenate(samples).astype(int)) > 4000)
    return (began + loud[0] / RATE if len(loud) else None), length / RATE


def _encoded_sound(
    stream: av.AudioStream, start: float, end: float, beep: float = BEEP, kind: str = "fltp"
) -> list[av.Packet]:
    clock = np.arange(round(start * RATE), round(end * RATE)) / RATE
    loud = (clock >= beep) & (clock < beep + BEEP_SECONDS)
    values = 0.8 * np.sin(2000 * np.pi * clock) * loud
    values = (values * 32767).astype(np.int16) if kind == "s16" else values.astype(np.float32)
    packets = []
    for at in range(0, len(values), 1024):
        frame = av.AudioFrame.from_ndarray(values[None, at : at + 1024].copy(), kind, "mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = round(start * RATE) + at
        packets += stream.encode(frame)
    return packets + stream.encode(None)
