"""Cut the frames of one video into stored squares, as soon as it is known where to cut."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from dataset.crop import Box, clip_box, crop, face_box, whole_box
from dataset.images import encode_jpeg
from dataset.preparation.findings import Findings

HELD_BYTES = 128 << 20  # frames kept until their box is known; beyond, they are decoded again

Key = tuple[int, int]  # segment, index of the frame in it


class Cutter:
    """Squares of one video, as JPEGs with their landmarks.

    Args:
        crop: whole: the largest square in the middle; face: the face's box.
        stills: of each segment, whether it is a photo; these have a box each, the frames of a film
            share one.
        image_size: side of the squares, pixels.
        jpeg_quality: 1 to 100.
        findings: the time is added to its stage "cut".
    """

    def __init__(
        self,
        crop: str,
        stills: list[bool],
        image_size: int,
        jpeg_quality: int,
        findings: Findings,
    ):
        self.crop, self.stills = crop, stills
        self.image_size, self.jpeg_quality = image_size, jpeg_quality
        self.findings = findings
        self._finished: dict[Key, tuple[bytes, np.ndarray]] = {}
        self._held: dict[Key, np.ndarray] = {}
        self._held_bytes = 0

    def take(self, key: Key, frame: np.ndarray, face: np.ndarray) -> None:
        """Cut the frame if its box is known at once, else hold it while there is room.

        Args:
            key: segment and index of the frame.
            frame: (H, W, 3) uint8 RGB.
            face: (68, 2), pixels of the frame.
        """
        if self.crop == "whole":
            self._cut(key, frame, face, whole_box(*frame.shape[:2]))
        elif self.stills[key[0]]:
            self._cut(key, frame, face, face_box(face))
        elif self._held_bytes + frame.nbytes <= HELD_BYTES:
            self._held[key] = frame
            self._held_bytes += frame.nbytes

    def finish(
        self,
        faces: dict[Key, np.ndarray],
        read: Callable[[int, Iterable[int]], Iterator[tuple[int, np.ndarray]]],
    ) -> tuple[list[bytes], list[np.ndarray]]:
        """Return the JPEG and the landmarks of each frame.

        Args:
            faces: (68, 2) landmarks of each frame that is wanted.
            read: called with a segment and indices, yields these frames again.
        """
        waiting = [key for key in faces if key not in self._finished]
        for segment in sorted({segment for segment, _ in waiting}):
            keys = [key for key in waiting if key[0] == segment]
            box = clip_box(np.stack([faces[key] for key in keys]))
            gone = [index for s, index in keys if (s, index) not in self._held]
            for key in keys:
                if key in self._held:
                    self._cut(key, self._held.pop(key), faces[key], box)
            for index, frame in read(segment, gone):
                self._cut((segment, index), frame, faces[segment, index], box)
        jpegs, landmarks = zip(*(self._finished[key] for key in faces), strict=True)
        return list(jpegs), list(landmarks)

    def _cut(self, key: Key, frame: np.ndarray, face: np.ndarray, box: Box) -> None:
        with self.findings.timed("cut"):
            square, moved = crop(frame, face, box, self.image_size)
            self._finished[key] = encode_jpeg(square, self.jpeg_quality), moved
