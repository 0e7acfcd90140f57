"""Tiny films in every container that is read."""

from pathlib import Path

import av
import numpy as np
from PIL import Image

CONTAINERS = {  # suffix: FFmpeg's muxer and encoder
    **dict.fromkeys((".mp4", ".m4v", ".f4v"), ("mp4", "mpeg4")),
    **dict.fromkeys((".mov", ".qt"), ("mov", "mpeg4")),
    **dict.fromkeys((".avi", ".divx"), ("avi", "mpeg4")),
    **dict.fromkeys((".mpg", ".mpeg", ".mpe"), ("mpeg", "mpeg1video")),
    **dict.fromkeys((".ts", ".mts", ".m2ts", ".m2t"), ("mpegts", "mpeg2video")),
    **dict.fromkeys((".wmv", ".asf"), ("asf", "wmv2")),
    **dict.fromkeys((".ogv", ".ogm"), ("ogg", "libvpx")),
    **dict.fromkeys((".rm", ".rmvb"), ("rm", "rv10")),
    ".mkv": ("matroska", "mpeg4"),
    ".webm": ("webm", "libvpx"),
    ".m2v": ("mpeg2video", "mpeg2video"),
    ".vob": ("vob", "mpeg2video"),
    ".3gp": ("3gp", "h263"),
    ".3g2": ("3g2", "h263"),
    ".flv": ("flv", "flv"),
    ".swf": ("swf", "flv"),
    ".mxf": ("mxf", "mpeg2video"),
    ".dv": ("dv", "dvvideo"),
    ".wtv": ("wtv", "mpeg2video"),
    ".y4m": ("yuv4mpegpipe", "wrapped_avframe"),
}


def write_film(path: Path, frames: int = 5) -> None:
    """Write a film of grey frames, in the container of its suffix."""
    muxer, encoder = CONTAINERS[path.suffix.lower()]
    width, height = (720, 576) if encoder == "dvvideo" else (176, 144)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format=muxer) as film:
        stream = film.add_stream(encoder, rate=25, width=width, height=height)
        stream.pix_fmt = "yuv420p"
        for index in range(frames):
            grey = np.full((height, width, 3), 40 + 20 * index, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(grey)):
                film.mux(packet)
        for packet in stream.encode():
            film.mux(packet)


def write_animation(path: Path, pictures, **options) -> None:
    """Write several pictures (H, W, 3) uint8 as one GIF, WebP, AVIF or APNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = (Image.fromarray(picture) for picture in pictures)
    if path.suffix.lower() == ".apng":
        options["format"] = "PNG"
    if rest:
        options |= {"save_all": True, "append_images": rest, "duration": 40}
    first.save(path, **options)
