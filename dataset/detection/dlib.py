"""dlib's detectors and its 68-point predictor: landmarks that install with the library."""

import itertools
import math
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from dataset.detection.detector import (
    Frames,
    Near,
    Places,
    Which,
    choose_face,
    overlap,
    resized,
)
from dataset.landmarks import POINTS
from pretrained.dlib_files import model_file
from system.missing import MissingWeights

if TYPE_CHECKING:
    import dlib

PREDICTOR = "shape_predictor_68_face_landmarks.dat"
NETWORK = "mmod_human_face_detector.dat"

# Both detectors see faces from 80 pixels on. A picture is looked at in so many pixels, first few
# and then, if it has them, more; the network, 30 times as slow, sees few.
FEW, MANY = 400**2, 900**2
ENLARGED, ENLARGED_FOR_NETWORK = 4.0, 2.5  # at most: 20 pixels, and 32, are too few for a face
FACE = 96.0  # pixels of a face that is looked for where it was nearby
SMALLEST_SIDE = 16  # pixels; a face has more
AROUND = 2.0  # sides of the face that are looked at then

# The square that dlib's frontal detector sees in a face, from eyes, brows, nose and mouth: so many
# root mean square distances from their mean. Measured on 2,650 real and drawn faces: 3.35 ± 0.28.
SIDE = 3.35
INNER = slice(17, POINTS)

SAME = 0.5  # shared by two squares, of their union, which are then taken to be around one face


class Square(NamedTuple):
    """A square around a face, pixels of the frame, pixel centres at integers."""

    x: float
    """Of its middle."""
    y: float
    side: float

    @property
    def corners(self) -> np.ndarray:
        """Left and top, right and bottom: (2, 2)."""
        half = self.side / 2
        return np.array([(self.x - half, self.y - half), (self.x + half, self.y + half)])


class DlibDetector:
    """dlib's frontal face detector (HOG), its network where that sees nothing, and the predictor.

    A face that was seen in a frame nearby is looked for around that place first, by both detectors
    in few pixels; only if it is not there, in the whole picture. So each frame's face is one that
    a detector has seen, and following it costs milliseconds.

    The predictor starts from a square and depends on it. It starts from the detector's, from that
    around the face nearby, and midway; the mean of the three moves a fifth to a third less from
    frame to frame than its first answer, and is no further from the truth.

    Args:
        face: which of several faces it takes where none was seen before; see `choose_face`.

    Raises:
        ValueError: dlib or a model cannot be had, or is damaged; the message says what to do.

    Source: Dalal and Triggs 2005 (HOG); King 2015, "Max-Margin Object Detection" (the network);
    Kazemi and Sullivan 2014, "One Millisecond Face Alignment" (the predictor).
    """

    name = "dlib"

    def __init__(self, face: Which = "largest"):
        self.face = face
        self._dlib = prepare()
        self._frontal = self._dlib.get_frontal_face_detector()
        self._predictor = _predictor(model_file(PREDICTOR))

    @cached_property
    def _network(self) -> "dlib.cnn_face_detection_model_v1":
        return _load(self._dlib.cnn_face_detection_model_v1, model_file(NETWORK))

    def detect(self, frames: Frames, places: Places, near: Near) -> np.ndarray:
        """See `LandmarkDetector`."""
        found = [self._find(frame, points) for frame, points in zip(frames, near, strict=True)]
        return np.array(found, np.float32).reshape(-1, POINTS, 2)

    def _find(self, frame: np.ndarray, near: np.ndarray | None) -> np.ndarray:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        looks = self._look_everywhere(frame, grey)
        if near is not None:
            around = self._look_around(frame, grey, square_around(near))
            looks = itertools.chain(around, looks)
        squares = next(filter(None, looks), [])
        faces = [self._align(grey, square, near) for square in squares]
        return choose_face(faces, near, self.face)

    def _look_around(
        self, frame: np.ndarray, grey: np.ndarray, place: Square
    ) -> Iterator[list[Square]]:
        """Yield the faces that the two detectors see around a place."""
        scale = FACE / place.side
        height, width = grey.shape
        reach = AROUND * place.side / 2
        left, right = (round(min(max(place.x + side, 0), width)) for side in (-reach, reach))
        top, bottom = (round(min(max(place.y + side, 0), height)) for side in (-reach, reach))
        if right - left < 2 or bottom - top < 2:
            return
        view = np.s_[top:bottom, left:right]
        for detect, picture in ((self._see_frontal, grey), (self._see_any, frame)):
            seen = detect(resized(picture[view], scale))
            yield [_in_frame(square, scale, left, top) for square in seen]

    def _look_everywhere(self, frame: np.ndarray, grey: np.ndarray) -> Iterator[list[Square]]:
        """Yield the faces that are seen in the whole picture, with ever more effort."""
        few = min(math.sqrt(FEW / grey.size), ENLARGED)
        many = min(math.sqrt(MANY / grey.size), 1)
        scales = [few, many] if many > few else [few]
        if self.face != "largest":
            scales = scales[-1:]  # in fewer pixels the smaller of several faces would be missed
        looks = [(self._see_frontal, grey, scale) for scale in scales]
        less = min(few, ENLARGED_FOR_NETWORK)
        for detect, picture, scale in (*looks, (self._see_any, frame, less)):
            seen = detect(resized(picture, scale))
            yield [_in_frame(square, scale, 0, 0) for square in seen]

    def _see_frontal(self, grey: np.ndarray) -> list[Square]:
        return [_square(box) for box in self._frontal(grey, 0)]

    def _see_any(self, picture: np.ndarray) -> list[Square]:
        if min(picture.shape[:2]) < SMALLEST_SIDE:  # which the network cannot be given
            return []
        return [_square(seen.rect) for seen in self._network(picture, 0)]

    def _align(self, grey: np.ndarray, square: Square, near: np.ndarray | None) -> np.ndarray:
        """Find the points (68, 2) of the face in a square."""
        first = self._predict(grey, square)
        other = square_around(first)
        if near is not None:
            before = square_around(near)
            other = before if overlap(before.corners, square.corners) > SAME else other
        middle = Square(*(np.add(square, other) / 2))
        return np.mean([first, self._predict(grey, other), self._predict(grey, middle)], axis=0)

    def _predict(self, grey: np.ndarray, square: Square) -> np.ndarray:
        edges = map(round, square.corners.ravel().tolist())
        points = self._predictor(grey, self._dlib.rectangle(*edges)).parts()
        return np.array([(point.x, point.y) for point in points], np.float32)


def square_around(landmarks: np.ndarray) -> Square:
    """Return the square that the frontal detector would see in a face (68, 2)."""
    points = np.asarray(landmarks, np.float64)[INNER]
    middle = points.mean(0)
    spread = math.sqrt(np.square(points - middle).sum(1).mean())
    return Square(*middle, max(SIDE * spread, 1.0))


def _square(box: "dlib.rectangle") -> Square:
    return Square(
        (box.left() + box.right()) / 2, (box.top() + box.bottom()) / 2,
        math.sqrt(box.width() * box.height()),
    )  # fmt: skip


def _in_frame(square: Square, scale: float, left: int, top: int) -> Square:
    """Bring a square of a view, which was resized, into pixels of the frame."""
    return Square(
        (square.x + 0.5) / scale - 0.5 + left, (square.y + 0.5) / scale - 0.5 + top,
        square.side / scale,
    )  # fmt: skip


def prepare() -> ModuleType:
    """Import dlib, and make sure that its models are there.

    Raises:
        ValueError: something is missing; the message says what.
    """
    try:
        import dlib
    except ImportError as error:
        raise ValueError(
            f"--detector dlib: dlib cannot be imported ({error}): pip install dlib-bin, or where "
            "that has no wheel dlib itself, which needs a C++ compiler"
        ) from None
    for name in (PREDICTOR, NETWORK):
        try:
            model_file(name)
        except MissingWeights as error:
            raise MissingWeights(f"--detector dlib: {error}") from None
    return dlib


@cache
def _predictor(path: Path) -> "dlib.shape_predictor":
    """Load a predictor once a process: it takes a second, and nothing changes it."""
    return _load(prepare().shape_predictor, path)


def _load(kind: type, path: Path) -> object:
    """Load a model of dlib's.

    Raises:
        ValueError: dlib cannot read it.
    """
    try:
        return kind(str(path))
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[0][:120]
        raise ValueError(f"{path} is not dlib's {path.name}: {reason}") from None
