"""From decoded frames to the colours and the shape that a viewer sees on an ordinary screen."""

import threading

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from PIL import Image

from dataset.photos import GROUND
from dataset.video.wide_colours import is_wide, to_screen

UNSPECIFIED = 2  # of FFmpeg's AVColorSpace
# Where a file does not say, players take large pictures for HDTV's.
HD_WIDTH, HD_HEIGHT = 1280, 577

# Steeper codes make more of being off by one; else FFmpeg's quick way is an ordinary viewer's.
EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

_of_thread = threading.local()


def to_rgb(frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
    """Convert a frame as its tags say to (height, width, 3) uint8 in sRGB.

    High dynamic range and wide gamuts are brought to an ordinary screen's; what is transparent is
    laid on `dataset.photos.GROUND`.

    Args:
        frame: as decoded.
        width, height: its shape as it is shown, before it is turned.
    """
    trc, primaries = frame.color_trc, frame.color_primaries
    has_alpha = any(component.is_alpha for component in frame.format.components)
    if frame.format.has_palette or has_alpha:
        return _on_ground(_converted(frame, width, height, "rgba"))
    picture = _converted(frame, width, height, "rgb24")
    return to_screen(picture, trc, primaries) if is_wide(trc, primaries) else picture


def _converted(frame: av.VideoFrame, width: int, height: int, pixels: str) -> np.ndarray:
    """Convert to R'G'B' in the frame's own light and primaries."""
    way = Interpolation.BICUBIC
    if is_wide(frame.color_trc, frame.color_primaries):
        way |= EXACT
        # FFmpeg would convert these as well, in its own way.
        frame.color_trc, frame.color_primaries = UNSPECIFIED, UNSPECIFIED
    large = frame.width >= HD_WIDTH or frame.height >= HD_HEIGHT
    untagged = Colorspace.ITU709 if large else Colorspace.ITU601
    converted = _converter().reformat(
        frame, width, height, pixels, interpolation=way,
        src_colorspace=untagged if frame.colorspace == UNSPECIFIED else None,
    )  # fmt: skip
    return converted.to_ndarray()


def _on_ground(picture: np.ndarray) -> np.ndarray:
    """Lay a picture with transparency (H, W, 4) on a plain colour: (H, W, 3)."""
    transparent = Image.fromarray(picture)
    ground = Image.new("RGB", transparent.size, GROUND)
    return np.asarray(
        Image.composite(transparent.convert("RGB"), ground, transparent.getchannel("A"))
    )


def _converter() -> VideoReformatter:
    """Return this thread's converter; its tables are costly to make and fit the next video too."""
    if not hasattr(_of_thread, "converter"):
        _of_thread.converter = VideoReformatter()
    return _of_thread.converter
