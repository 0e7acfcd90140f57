"""What a person's pictures show, said in plain words before anything is learnt from them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from dataset.crop import Box, crop, face_box
from dataset.detection.detector import LandmarkDetector, Which, resized
from dataset.detection.following import extent, fits
from dataset.detection.kinds import create_detector
from dataset.images import read_image
from dataset.kinds_of_files import is_film
from dataset.landmarks import draw_over
from dataset.preparation.quality import outside_share, sharpness
from dataset.preparation.sources import find_person
from dataset.video.reading import index_video, read_frames
from metric.geometry import head_pose

OF_A_FILM = 6  # frames that are looked at
SHOWN = 320  # pixels
SMALL = 0.3  # of the side of the head's frames; there a face has 0.45
TURNED = 35.0  # degrees, from which dlib's landmarks are poor
BLURRED = 0.025  # see `sharpness`; the gate of preprocess.py
OUTSIDE = 0.1  # share of the landmarks
BOX = (255, 196, 0)


class Seen(NamedTuple):
    """One picture, and what was found in it."""

    picture: np.ndarray
    """(320, 320, 3) uint8 RGB, the face's square with its landmarks, or the whole picture."""
    words: str
    """In a few words, with the file's name."""
    usable: bool


def look(
    files: Sequence[Path], image_size: int, detector: str = "dlib", which: Which = "largest"
) -> Iterator[Seen]:
    """Look at a person's photos, and at some frames of each film.

    Args:
        files: photos and films, or folders of them.
        image_size: side of the head's frames, pixels.
        detector: dlib or face-alignment.
        which: of several faces.

    Yields:
        One `Seen` for each picture; files that cannot be read are told of in the same way.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is neither photo nor film.
    """
    finders = create_detector(detector, face=which), create_detector(detector, face=2)
    for file in find_person(list(files)).segments:
        try:
            for name, frame in _pictures(file):
                yield _judged(frame, f"{file.name}{name}", finders, image_size)
        except (ValueError, OSError) as error:
            reason = " ".join(str(error).replace(str(file), "").split()).lstrip(": ")
            yield Seen(_blank(), f"{file.name}: cannot be read ({reason})", False)


def _pictures(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield a photo, or frames spread over a film, each with what tells it from its neighbours."""
    if not is_film(file):
        yield "", read_image(file)
        return
    index = index_video(file)
    frames = len(index.times)
    wanted = np.unique(np.linspace(0, frames - 1, min(OF_A_FILM, frames)).round().astype(int))
    for number, frame in read_frames(file, wanted.tolist(), index):
        yield f", frame {number + 1}", frame


def _judged(
    frame: np.ndarray, name: str, finders: tuple[LandmarkDetector, ...], image_size: int
) -> Seen:
    height, width = frame.shape[:2]
    found, second = (finder.detect([frame], [(Path(name), 0)], [None])[0] for finder in finders)
    if not fits(found, height, width):
        return Seen(_whole(frame), f"{name}: no face is found", False)
    box = face_box(found)
    complaints = ["several faces"] if np.isfinite(second).all() else []
    complaints += _complaints(frame, found, box, image_size)
    words = f"{name}: {'; '.join(complaints) or 'good'}"
    return Seen(_drawn(frame, found, box), words, True)


def _complaints(frame: np.ndarray, found: np.ndarray, box: Box, image_size: int) -> Iterator[str]:
    """Say what is not as it should be."""
    height = extent(found)
    if height < SMALL * image_size:
        yield f"a small face, {height:.0f} pixels, so the head will be soft"
    _, points = crop(frame, found, box, image_size)
    yaw = float(head_pose(torch.from_numpy(points[None]), image_size)[0, 0])
    if abs(yaw) > TURNED:
        yield f"turned by {abs(yaw):.0f} degrees, where landmarks are rough"
    if sharpness(frame, found, image_size) < BLURRED:
        yield "blurred"
    if outside_share(found, *frame.shape[:2]) > OUTSIDE:
        yield "partly outside the picture"


def _blank() -> np.ndarray:
    return np.full((SHOWN, SHOWN, 3), 40, np.uint8)


def _whole(frame: np.ndarray) -> np.ndarray:
    """Lay a picture of any shape into the middle of a square."""
    shown, small = _blank(), resized(frame, SHOWN / max(frame.shape[:2]))
    height, width = small.shape[:2]
    top, left = (SHOWN - height) // 2, (SHOWN - width) // 2
    shown[top : top + height, left : left + width] = small
    return shown


def _drawn(frame: np.ndarray, found: np.ndarray, box: Box) -> np.ndarray:
    """Cut out some more than the square of training, and draw it and the landmarks."""
    around = Box(box.left - box.size / 4, box.top - box.size / 4, 1.5 * box.size)
    square, points = crop(frame, found, around, SHOWN)
    square = np.ascontiguousarray(square)
    draw_over(square, points)
    low, high = round(SHOWN / 6), round(5 * SHOWN / 6)
    cv2.rectangle(square, (low, low), (high, high), BOX, 2)
    return square
