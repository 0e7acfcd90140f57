"""Make the record of one video or person: choose frames, find the face, cut, compress."""

import cv2
import numpy as np

from dataset.crop import Box, clip_box, crop, face_box, resolve_crop, whole_box
from dataset.detectors import LandmarkDetector, LandmarksError
from dataset.images import encode_jpeg, read_image
from dataset.store import Record
from dataset.video import probe, read_frames
from dataset.voxceleb import SourceVideo

TRIES = 8  # frames looked at for each one wanted, before a video is given up
MOST_CANDIDATES = 1_000_000  # files that lie about their length must not exhaust the memory
SMALLEST_FACE = 4.0  # pixels between the outermost landmarks
DETECTOR_NAMES = {"FaceAlignmentDetector": "face-alignment", "StoredLandmarks": "stored"}


class Rejected(ValueError):  # noqa: N818 - a verdict on a video
    """A video of which no record can be made.

    Attributes:
        reason: a few words, the same for all videos with this fault.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


def choose_frames(
    counts: list[int], frames: int | None, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Draw distinct frames, uniformly over all segments.

    Args:
        counts: frames of each segment.
        frames: how many are drawn; None or too many: all.
        rng: draws them, and their order.

    Returns:
        (segment, index in it) of each.
    """
    total = sum(counts)
    drawn = min(total, MOST_CANDIDATES if frames is None else frames)
    numbers = rng.choice(total, drawn, replace=False) if total else np.empty(0, np.int64)
    ends = np.cumsum(counts)
    segments = np.searchsorted(ends, numbers, side="right")
    indices = numbers - (ends - counts)[segments]
    return list(zip(segments.tolist(), indices.tolist(), strict=True))


def make_record(
    video: SourceVideo,
    detector: LandmarkDetector,
    crop: str,
    image_size: int,
    frames: int | None = None,
    seed: int = 0,
    jpeg_quality: int = 95,
    fewest: int = 2,
) -> Record:
    """Make the record of one video, or of the photos of one person.

    Which frames are taken depends on (seed, video id) alone. Frames without a face are replaced by
    others. Segments that cannot be read are left out.

    Args:
        video: what to read.
        detector: finds the landmarks.
        crop: whole: the largest square in the middle; face: the face's box, one for each segment
            or photo; auto: see `resolve_crop`.
        image_size: side of the stored frames, pixels.
        frames: how many at most; None: as many as there are.
        seed: chooses them.
        jpeg_quality: 1 to 100.
        fewest: with fewer the video is rejected.

    Raises:
        Rejected: fewer than `fewest` usable frames.
    """
    search = _Search(video, detector, resolve_crop(crop, video.kind), image_size, jpeg_quality)
    rng = np.random.default_rng([seed, *video.id.encode(errors="surrogatepass")])
    chosen = search.find(choose_frames(search.counts, None, rng), frames)
    if len(chosen) < fewest:
        raise search.explain(len(chosen), fewest)
    jpegs, landmarks = search.cut(chosen)
    return Record(
        video=video.id,
        frames=tuple(jpegs),
        landmarks=np.stack(landmarks),
        origins=tuple((video.segments[segment].name, index) for segment, index in chosen),
        image_size=image_size,
        detector=DETECTOR_NAMES.get(type(detector).__name__, type(detector).__name__),
        crop=search.crop,
    )


class _Search:
    """The frames of one video that have a face, as far as they have been looked at."""

    def __init__(
        self,
        video: SourceVideo,
        detector: LandmarkDetector,
        crop: str,
        image_size: int,
        jpeg_quality: int,
    ):
        self.video, self.detector, self.crop = video, detector, crop
        self.image_size, self.jpeg_quality = image_size, jpeg_quality
        self.still = video.kind == "photos"
        self.faces: dict[tuple[int, int], np.ndarray] = {}
        self.finished: dict[tuple[int, int], tuple[bytes, np.ndarray]] = {}
        self.looked = 0
        self.problems: dict[int, Exception] = {}
        self.counts = [self._count(segment) for segment in range(len(video.segments))]

    def _count(self, segment: int) -> int:
        if self.still:
            return 1
        try:
            return probe(self.video.segments[segment]).frames
        except (ValueError, OSError, cv2.error) as error:
            self.problems[segment] = error
            return 0

    def find(self, candidates: list[tuple[int, int]], frames: int | None) -> list[tuple[int, int]]:
        """Look at candidates in their order until enough have a face; return those in time."""
        wanted = len(candidates) if frames is None else frames
        missing, step = wanted, 1
        while missing > 0 and candidates and self.looked < TRIES * wanted:
            batch, candidates = candidates[: missing * step], candidates[missing * step :]
            self._look(batch)
            candidates = [c for c in candidates if c[1] < self.counts[c[0]]]
            missing, step = wanted - len(self.faces), step * 2
        return sorted(list(self.faces)[:wanted])

    def _look(self, batch: list[tuple[int, int]]) -> None:
        """Detect the faces of a batch, and note the end of segments that end early."""
        found = {}
        for segment in sorted({segment for segment, _ in batch}):
            indices = {index for s, index in batch if s == segment}
            try:
                for index, frame in self._read(segment, indices):
                    indices.remove(index)
                    self.looked += 1
                    landmarks = self._detect(segment, index, frame, found)
                    if _is_usable(landmarks, frame):
                        found[segment, index] = landmarks
                        self._finish_now(segment, index, frame, landmarks)
                if indices:
                    self.counts[segment] = min(self.counts[segment], *indices)
            except (ValueError, OSError, cv2.error) as error:
                self.problems[segment], self.counts[segment] = error, 0
        self.faces |= {key: found[key] for key in batch if key in found}

    def _read(self, segment: int, indices: set[int]):
        path = self.video.segments[segment]
        if self.still:
            return [(0, read_image(path))]
        return read_frames(path, indices)

    def _detect(
        self, segment: int, index: int, frame: np.ndarray, found: dict[tuple[int, int], np.ndarray]
    ) -> np.ndarray:
        """Detect one face; of several, the one that was seen closest in time."""
        known = {key[1]: face for key, face in (self.faces | found).items() if key[0] == segment}
        nearest = min(known, key=lambda other: (abs(other - index), other), default=None)
        path = self.video.segments[segment]
        return self.detector.detect(frame, path, index, near=known.get(nearest))

    def _finish_now(
        self, segment: int, index: int, frame: np.ndarray, landmarks: np.ndarray
    ) -> None:
        """Cut frames whose box is known at once, so that they need not be decoded again."""
        if self.crop == "whole":
            box = whole_box(*frame.shape[:2])
        elif self.still:
            box = face_box(landmarks)
        else:
            return
        self.finished[segment, index] = self._cut(frame, landmarks, box)

    def _cut(self, frame: np.ndarray, landmarks: np.ndarray, box: Box) -> tuple[bytes, np.ndarray]:
        square, moved = crop(frame, landmarks, box, self.image_size)
        return encode_jpeg(square, self.jpeg_quality), moved

    def cut(self, chosen: list[tuple[int, int]]) -> tuple[list[bytes], list[np.ndarray]]:
        """Return the JPEG and the landmarks of each chosen frame.

        A box for a whole segment is known only after all its faces: these frames are decoded a
        second time rather than held in memory.
        """
        waiting = [key for key in chosen if key not in self.finished]
        for segment in sorted({segment for segment, _ in waiting}):
            indices = [index for s, index in waiting if s == segment]
            box = clip_box(np.stack([self.faces[segment, index] for index in indices]))
            for index, frame in read_frames(self.video.segments[segment], indices):
                key = (segment, index)
                self.finished[key] = self._cut(frame, self.faces[key], box)
        jpegs, landmarks = zip(*(self.finished[key] for key in chosen), strict=True)
        return list(jpegs), list(landmarks)

    def explain(self, usable: int, fewest: int) -> Rejected:
        """Say why there are too few frames."""
        name = self.video.id
        if self.problems and not self.faces:
            error = next(iter(self.problems.values()))
            bad_landmarks = isinstance(error, LandmarksError)
            return Rejected("bad landmarks" if bad_landmarks else "unreadable", f"{error}")
        if not usable:
            return Rejected("no face", f"{name}: no face in any of {self.looked} frames")
        return Rejected(
            "too few usable frames",
            f"{name}: {usable} usable frame{'s' * (usable > 1)}, at least {fewest} are needed "
            f"(looked at {self.looked})",
        )


def _is_usable(landmarks: np.ndarray, frame: np.ndarray) -> bool:
    """Tell whether landmarks are those of a face in this frame, and not missing or absurd."""
    if not np.isfinite(landmarks).all():
        return False
    height, width = frame.shape[:2]
    x, y = landmarks.mean(0)
    extent = np.ptp(landmarks, axis=0).max()
    return 0 <= x < width and 0 <= y < height and SMALLEST_FACE <= extent <= 2 * max(height, width)
