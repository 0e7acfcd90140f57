"""From decoded frames to the colours and the shape that a viewer sees on an ordinary screen."""

import threading

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, VideoReformatter

from dataset.images import on_backdrop

UNSPECIFIED = 2  # of FFmpeg's AVColorSpace
# Where a file does not say, players take large pictures for HDTV's.
HD_WIDTH, HD_HEIGHT = 1280, 577

HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)  # PQ, HLG
WIDE = (ColorPrimaries.BT2020, ColorPrimaries.SMPTE431, ColorPrimaries.SMPTE432)  # also P3
# FFmpeg's colour management: gamut mapped, and what is brighter than an ordinary screen's white
# rolled off.
MAPPED = "flags=bicubic+accurate_rnd:out_primaries=bt709:out_transfer=bt709"

_of_thread = threading.local()


def to_rgb(frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
    """Convert a frame as its tags say to (height, width, 3) uint8 in sRGB.

    High dynamic range and wide gamut are mapped to an ordinary screen's; what is transparent is
    laid on `dataset.images.BACKDROP`.

    Args:
        frame: as decoded.
        width, height: its shape as it is shown, before it is turned.
    """
    has_alpha = any(component.is_alpha for component in frame.format.components)
    if frame.format.has_palette or has_alpha:
        picture = _converter().reformat(frame, width, height, "rgba", interpolation="BICUBIC")
        return on_backdrop(picture.to_ndarray())
    if frame.color_trc in HDR or frame.color_primaries in WIDE:
        return _mapped(frame, width, height)
    source = _untagged_matrix(frame) if frame.colorspace == UNSPECIFIED else None
    rgb = _converter().reformat(
        frame, width, height, "rgb24", src_colorspace=source, interpolation="BICUBIC"
    )
    return rgb.to_ndarray()


def _untagged_matrix(frame: av.VideoFrame) -> Colorspace:
    large = frame.width >= HD_WIDTH or frame.height >= HD_HEIGHT
    return Colorspace.ITU709 if large else Colorspace.ITU601


def _mapped(frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
    graph = _mapping(frame, width, height)
    graph.push(frame)
    return graph.pull().to_ndarray()


def _converter() -> VideoReformatter:
    """Return this thread's converter; its tables are costly to make and fit the next video too."""
    if not hasattr(_of_thread, "converter"):
        _of_thread.converter = VideoReformatter()
    return _of_thread.converter


def _mapping(frame: av.VideoFrame, width: int, height: int) -> Graph:
    """Return this thread's graph for frames of this kind; a new one takes more than a second."""
    trc, primaries = frame.color_trc, frame.color_primaries
    kind = (frame.format.name, frame.width, frame.height, width, height, trc, primaries)
    if getattr(_of_thread, "mapped_kind", None) != kind:
        options = f"{width}:{height}:{MAPPED}"
        if trc not in HDR:
            options += ":in_transfer=bt709"
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        scale, rgb = graph.add("scale", options), graph.add("format", "pix_fmts=rgb24")
        graph.link_nodes(source, scale, rgb, graph.add("buffersink")).configure()
        _of_thread.mapping, _of_thread.mapped_kind = graph, kind
    return _of_thread.mapping
