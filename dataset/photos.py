"""Photos of every kind to frames: by their content, upright, in sRGB, nothing transparent."""

import contextlib
import functools
import io
import struct
import warnings
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from PIL.Image import Transpose

from dataset.kinds_of_files import HEIF_REMEDY, PHOTO_FORMATS

MOST_PIXELS = 1 << 28  # 268 million; phones take photos of 200 million
GROUND = (128, 128, 128)  # under what is transparent: neither light nor dark, 0 for the networks
SAME = 2  # grey values; a profile that moves no colour further is sRGB, and rounding
# Whatever Pillow's readers stumble with.
DAMAGE = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError,
    AttributeError, RuntimeError, AssertionError, struct.error, zlib.error, ImageCms.PyCMSError,
    Image.DecompressionBombError,
)  # fmt: skip
TURNS = {  # of EXIF's orientation
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of a profile's colours


def decode_photo(data: bytes, name: str) -> np.ndarray:
    """Decode a picture to (H, W, 3) uint8 RGB.

    It is turned as its EXIF data say, brought to sRGB if it has an ICC profile, and laid on grey
    where it is transparent. 16 bits are scaled to 8. Of several pictures the first is taken.

    Args:
        data: the file; what it is, is told by its content.
        name: of the file, for messages.

    Raises:
        ValueError: it is not a picture, is cut short or damaged, or has too many pixels.
    """
    picture = _open(data, name)
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"{name} is not a picture that is read: it has {width} x {height} pixels, at most "
            f"{MOST_PIXELS / 1e6:.0f} million are read"
        )
    try:
        with _most_pixels(MOST_PIXELS):
            picture.load()
            return frame_of(picture)
    except DAMAGE as error:
        raise ValueError(
            f"{name} is not a picture that can be read whole: {_line(error)}"
        ) from None


def frame_of(picture: Image.Image) -> np.ndarray:
    """Turn a loaded picture into a frame (H, W, 3) uint8 RGB; see `decode_photo`.

    Raises:
        ValueError: its values are fractions.
    """
    return np.array(_over_ground(_upright(picture)))


def _open(data: bytes, name: str) -> Image.Image:
    heif = data[4:8] == b"ftyp" and _admit_heif()
    formats = [kind for kind in PHOTO_FORMATS if kind != "HEIF" or heif]
    try:
        with _most_pixels(None):  # the caller knows better what to say of them
            return Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError:
        missing = f" without pillow-heif: {HEIF_REMEDY}" * (data[4:8] == b"ftyp" and not heif)
        raise ValueError(f"{name} is not a picture that can be read{missing}") from None
    except DAMAGE as error:
        raise ValueError(f"{name} is not a picture that can be read: {_line(error)}") from None


@contextlib.contextmanager
def _most_pixels(count: int | None) -> Iterator[None]:
    """Let Pillow read pictures of so many pixels, more than by itself, and not warn of any."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = count and count // 2  # refused is what has twice as many
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _admit_heif() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _upright(picture: Image.Image) -> Image.Image:
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except DAMAGE:  # of the EXIF data; the picture itself was loaded before
        return picture
    return picture.transpose(TURNS[orientation]) if orientation in TURNS else picture


def _over_ground(picture: Image.Image) -> Image.Image:
    """Return the picture in sRGB, laid on grey where it is transparent."""
    profile = picture.info.get("icc_profile")
    picture = _eight_bits(picture)
    if not picture.has_transparency_data:
        return _srgb(picture, profile)
    transparent = picture.convert("RGBA")
    colours = picture.convert("L") if picture.mode in ("L", "LA") else transparent.convert("RGB")
    ground = Image.new("RGB", picture.size, GROUND)
    return Image.composite(_srgb(colours, profile), ground, transparent.getchannel("A"))


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Scale the modes of more than 8 bits, which Pillow would cut off at 255."""
    if picture.mode.startswith("I"):  # I;16 and its kind, and I, which is 16 bits in 32
        values = np.asarray(picture).clip(0, 65535) >> 8
        return Image.fromarray(values.astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("its values are fractions, save it with 8 or 16 bits")
    return picture


def _srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Bring a picture to sRGB; a profile that is broken, or of other colours, is ignored."""
    mode, transform = _transform(profile) if profile else ("", None)
    if mode == "RGB" and picture.mode not in ("RGB", "CMYK"):
        picture = picture.convert("RGB")  # a palette, for one
    if transform is None or picture.mode != mode:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    return ImageCms.applyTransform(picture, transform)


@functools.lru_cache(maxsize=8)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """Return the mode of the pictures that a profile is for, and how they come to sRGB.

    There is no way for those that are in sRGB, so that their pixels stay what they are.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = MODES[source.profile.xcolor_space.strip()]
        transform = ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), mode, "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
    except DAMAGE:
        return "", None
    if mode in ("RGB", "L"):
        steps = np.arange(0, 256, 17, dtype=np.uint8)
        grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(64, 64, 3)
        chart = Image.fromarray(grid).convert(mode)
        there = np.asarray(ImageCms.applyTransform(chart, transform), int)
        if abs(there - np.asarray(chart.convert("RGB"), int)).max() <= SAME:
            return mode, None
    return mode, transform
