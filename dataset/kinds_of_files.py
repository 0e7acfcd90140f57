"""Which files are photos, which are films, and which only look so: one list for all who read them.

The lists name what the libraries read: photos come through Pillow, films through PyAV.
"""

import contextlib
import importlib.util
import itertools
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

PHOTO_FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "HEIF": (".heic", ".heif", ".hif"),  # with pillow-heif alone
    "AVIF": (".avif",),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "DIB": (".dib",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "QOI": (".qoi",),
}
"""Pillow's name of a format: its suffixes. Its other formats are no photos, or start programs."""

PHOTO_SUFFIXES = tuple(itertools.chain.from_iterable(PHOTO_FORMATS.values()))
VIDEO_SUFFIXES = (
    ".mp4", ".avi", ".mkv", ".mov", ".webm", ".mpg",
    ".m4v", ".qt", ".mpeg", ".mpe", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".m2t", ".3gp", ".3g2",
    ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogm", ".divx", ".mxf", ".dv", ".rm", ".rmvb", ".wtv",
    ".y4m", ".swf",
)  # fmt: skip
MOVING_SUFFIXES = (".gif", ".apng", ".avif")  # a photo if they hold one picture, else a film

UNREAD = {
    "camera raw: develop to JPEG or PNG": (
        ".raw", ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf",
        ".rw2", ".raf", ".pef", ".srw", ".x3f", ".erf", ".kdc", ".dcr", ".mrw", ".3fr", ".iiq",
    ),
    "pictures of another kind: save as JPEG or PNG": (
        ".psd", ".psb", ".xcf", ".kra", ".ai", ".eps", ".svg", ".svgz", ".jxl", ".jxr", ".wdp",
        ".exr", ".hdr", ".tga", ".pcx", ".ico", ".icns", ".dds", ".wmf", ".emf",
    ),
    "films of another kind: save as mp4": (
        ".braw", ".r3d", ".prproj", ".aep", ".wlmp",
    ),
    "archives: unpack": (
        ".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".zst",
    ),
}  # fmt: skip
"""What can be done about pictures, films and archives that are not read: their suffixes."""

HEIF_REMEDY = "pip install pillow-heif"
WEBP_REMEDY = "animated, their first picture is taken as a photo: save as GIF or mp4"
NAMED = 6  # suffixes in a message

_NUMBERS = re.compile(r"(\d+)")


def is_photo(path: Path) -> bool:
    """Tell whether a file is one picture that can be read, by its name.

    Those of MOVING_SUFFIXES are looked into: with one picture they are a photo, with several a
    film. Of an animated WebP, which PyAV cannot play, the first picture is the photo.
    """
    suffix = path.suffix.lower()
    if suffix in PHOTO_FORMATS["HEIF"]:
        return has_heif()
    return suffix in PHOTO_SUFFIXES and not is_film(path)


def is_film(path: Path) -> bool:
    """Tell whether a file is a film, by its name; see `is_photo`."""
    suffix = path.suffix.lower()
    return suffix in VIDEO_SUFFIXES or (suffix in MOVING_SUFFIXES and is_animated(path))


def is_animated(path: Path) -> bool:
    """Tell whether a GIF, PNG, AVIF or WebP holds several pictures; False for what is damaged."""
    if not path.is_file():  # a pipe would be waited for
        return False
    with contextlib.suppress(Exception):  # who reads it says what is wrong with it
        with path.open("rb") as file:
            head = file.read(64)
        if head[:4] == b"RIFF":  # a WebP
            return head[12:16] == b"VP8X" and bool(head[20] & 2)
        if head[4:8] == b"ftyp":  # an AVIF
            return b"avis" in head[8 : int.from_bytes(head[:4], "big")]
        from PIL import Image

        with Image.open(path, formats=["GIF", "PNG"]) as picture:
            return picture.is_animated
    return False


def has_heif() -> bool:
    """Tell whether pillow-heif is there, without which no HEIC is read."""
    return importlib.util.find_spec("pillow_heif") is not None


def remedy(path: Path) -> str:
    """Say what can be done about a picture, film or archive that is not read; else nothing.

    Of an animated WebP the motion is not read.
    """
    suffix = path.suffix.lower()
    if suffix == ".webp" and is_animated(path):
        return WEBP_REMEDY
    if suffix in PHOTO_FORMATS["HEIF"] and not has_heif():
        return HEIF_REMEDY
    return next((what for what, suffixes in UNREAD.items() if suffix in suffixes), "")


def passed_over(files: Iterable[Path]) -> str:
    """Count by kind the pictures, films and archives among `files` that are not read.

    Args:
        files: all of them, also those that are read.

    Returns:
        Like "2 .cr2 (camera raw: develop to JPEG or PNG), 1 .zip (archives: unpack)"; empty if all
        that is there is read, or of no concern, like a text.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for suffix, group in _by_suffix(files).items():
        if suffix == ".webp":  # the one kind that has to be looked into
            counts.update((remedy(path), suffix) for path in group)
        else:
            counts[remedy(group[0]), suffix] = len(group)
    remedies: dict[str, list[str]] = {}
    for (what, suffix), count in counts.items():
        if what:
            remedies.setdefault(what, []).append(f"{count} {suffix}")
    return ", ".join(f"{', '.join(sorted(kinds))} ({what})" for what, kinds in remedies.items())


def _by_suffix(files: Iterable[Path]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for path in files:
        groups.setdefault(path.suffix.lower(), []).append(path)
    return groups


def named(suffixes: tuple[str, ...]) -> str:
    """Name the first suffixes of a list, for a message."""
    return f"{', '.join(suffixes[:NAMED])}, ..."


def natural_order(path: Path) -> tuple[list[list[str | int]], str]:
    """Return a key that sorts frame2 before frame10, in each part of the path."""
    parts = [_NUMBERS.split(part) for part in path.parts]
    for part in parts:  # words and numbers take turns, so that like is compared with like
        part[1::2] = map(int, part[1::2])
    return parts, str(path)
