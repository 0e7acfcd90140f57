"""Look through a video in random order until enough frames show a usable face."""

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

import cv2
import numpy as np

from dataset.detection.detector import LandmarkDetector, LandmarksError
from dataset.images import read_image
from dataset.preparation import quality
from dataset.preparation.cutting import Key
from dataset.preparation.findings import Findings
from dataset.preparation.quality import Gates
from dataset.preparation.sources import SourceVideo
from dataset.video.reading import VideoIndex, index_video, read_frames

TRIES = 8  # frames looked at for each one wanted, before a video is given up
MOST_CANDIDATES = 1_000_000  # files that lie about their length must not exhaust the memory
AT_ONCE = 8  # frames given to the detector
AT_ONCE_BYTES = 128 << 20


class Rejected(ValueError):  # noqa: N818 - a verdict on a video
    """A video of which no record can be made.

    Attributes:
        reason: a few words, the same for all videos with this fault.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


def order_frames(durations: list[np.ndarray], rng: np.random.Generator) -> list[Key]:
    """Put the frames of all segments into a random order, uniform over time.

    A frame that is shown for longer is likelier to come early, as in videos of variable rate.

    Args:
        durations: seconds that each frame is shown, of each segment.
        rng: draws the order.

    Returns:
        (segment, index in it) of each frame, at most a million.

    Source: weighted sampling without replacement by exponential keys (Efraimidis and Spirakis,
    2006).
    """
    counts = [len(segment) for segment in durations]
    if not sum(counts):
        return []
    weights = np.concatenate(durations)
    numbers = np.argsort(rng.exponential(size=len(weights)) / weights)[:MOST_CANDIDATES]
    ends = np.cumsum(counts)
    segments = np.searchsorted(ends, numbers, side="right")
    indices = numbers - (ends - counts)[segments]
    return list(zip(segments.tolist(), indices.tolist(), strict=True))


def order_fairly(
    durations: list[np.ndarray], moments: Sequence[Hashable], rng: np.random.Generator
) -> list[Key]:
    """Put the frames of photos and films into a random order in which all have their turn.

    Each moment gives one frame before any gives a second one, however long it lasts.

    Args:
        durations: seconds that each frame is shown, of each segment.
        moments: what each segment shows; those that show the same share its turns, the first goes
            first.
        rng: draws the order.

    Returns:
        (segment, index in it) of each frame, at most a million.
    """
    waiting: dict[Hashable, list[Key]] = {}
    most = MOST_CANDIDATES // max(len(durations), 1)
    for segment, (seconds, moment) in enumerate(zip(durations, moments, strict=True)):
        keys = waiting.setdefault(moment, [])
        keys += [(segment, index) for _, index in order_frames([seconds], rng)[:most]]
    rng.shuffle(queues := list(waiting.values()))
    turns = itertools.chain.from_iterable(itertools.zip_longest(*queues))
    return list(filter(None, turns))


class FrameSearch:
    """The usable frames of one video, as far as they have been looked at.

    Args:
        video: what to read.
        detector: finds the landmarks.
        crop: whole or face.
        image_size: side of the stored frames, pixels.
        gates: what a frame must reach.
        findings: notes what was refused, and how long it took.
        keep: called with the key, the frame and the landmarks of each usable frame.

    Attributes:
        colours: see `quality.colours`, of each usable frame, if a gate asks for them.
    """

    def __init__(
        self,
        video: SourceVideo,
        detector: LandmarkDetector,
        crop: str,
        image_size: int,
        gates: Gates,
        findings: Findings,
        keep: Callable[[Key, np.ndarray, np.ndarray], None],
    ):
        self.video, self.detector, self.keep = video, detector, keep
        self.image_size, self.gates, self.findings = image_size, gates, findings
        self.stills = video.stills()
        self.one_place = crop == "whole" and not any(self.stills)
        self.colours: dict[Key, np.ndarray] = {}
        self._faces: dict[Key, np.ndarray] = {}
        self._thumbnails: list[np.ndarray] = []
        self._problems: dict[int, Exception] = {}
        self._indexes: dict[int, VideoIndex] = {}
        self._lengths: list[int] = []

    def find(self, frames: int | None, rng: np.random.Generator) -> dict[Key, np.ndarray]:
        """Look at frames in random order until enough are usable.

        Args:
            frames: wanted; None: as many as there are.
            rng: draws the order.

        Returns:
            Landmarks (68, 2) of the usable frames, in the order of time.
        """
        with self.findings.timed("decode", frames=0):
            durations = [self._index(segment) for segment in range(len(self.video.segments))]
        self._lengths = [len(segment) for segment in durations]
        if self.video.kind == "person":
            candidates = order_fairly(durations, self.video.moments(), rng)
        else:
            candidates = order_frames(durations, rng)
        wanted = len(candidates) if frames is None else frames
        missing, step = wanted, 1
        while missing > 0 and candidates and self.findings.looked < TRIES * wanted:
            batch, candidates = candidates[: missing * step], candidates[missing * step :]
            self._look(batch)
            candidates = [key for key in candidates if key[1] < self._lengths[key[0]]]
            missing, step = wanted - len(self._faces), step * 2
        return {key: self._faces[key] for key in sorted(list(self._faces)[:wanted])}

    def read(self, segment: int, indices: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the index and the frame (H, W, 3) uint8 RGB of each index, rising."""
        path = self.video.segments[segment]
        frames = (
            ((index, read_image(path)) for index in indices)
            if self.stills[segment]
            else read_frames(path, indices, self._indexes[segment])
        )
        return self.findings.timed_each("decode", frames)

    def is_static(self, usable: int, frames: int | None) -> bool:
        """Tell whether there are too few frames because most are the same."""
        duplicates = self.findings.refused["near-duplicate"]
        return frames is not None and usable < frames and 2 * duplicates > self.findings.looked

    def explain(self, usable: int, fewest: int) -> Rejected:
        """Say why there are too few frames."""
        name, looked, refused = self.video.id, self.findings.looked, self.findings.refused
        if self._problems and not usable and not refused:
            error = next(iter(self._problems.values()))
            bad_landmarks = isinstance(error, LandmarksError)
            return Rejected("bad landmarks" if bad_landmarks else "unreadable", f"{error}")
        if not looked:
            return Rejected("unreadable", f"{name}: none of its frames can be decoded")
        counts = ", ".join(f"{count} {reason}" for reason, count in refused.most_common())
        main = refused.most_common(1)[0][0] if refused else ""
        if main == "near-duplicate":
            return Rejected("near-static", f"{name}: {counts} among {looked} frames")
        if main == "no face" and not usable:
            return Rejected(main, f"{name}: no face in any of {looked} frames")
        if main and not usable:
            return Rejected(main, f"{name}: {counts} among {looked} frames")
        return Rejected(
            "too few usable frames",
            f"{name}: {usable} usable frame{'s' * (usable > 1)}, at least {fewest} are needed "
            f"(looked at {looked}{': ' * bool(counts)}{counts})",
        )

    def _index(self, segment: int) -> np.ndarray:
        """Return how long each frame of a segment is shown, seconds."""
        if self.stills[segment]:
            return np.ones(1)
        try:
            self._indexes[segment] = index_video(self.video.segments[segment])
        except (ValueError, OSError) as error:
            self._give_up(segment, error)
            return np.empty(0)
        return self._indexes[segment].durations

    def _look(self, batch: list[Key]) -> None:
        """Find the faces of a batch, and note the end of segments that end early."""
        found = {}
        for segment in sorted({segment for segment, _ in batch}):
            indices = {index for s, index in batch if s == segment}
            try:
                self._look_into(segment, indices, found)
                if indices:
                    self._lengths[segment] = min(self._lengths[segment], *indices)
            except (ValueError, OSError, cv2.error) as error:
                self._give_up(segment, error)
                self._lengths[segment] = 0
        self._faces |= {key: found[key] for key in batch if key in found}

    def _give_up(self, segment: int, error: Exception) -> None:
        """Note why nothing, or nothing more, comes out of a segment."""
        self._problems[segment] = error
        self.findings.left_out[self.video.segments[segment].name] = " ".join(str(error).split())

    def _look_into(self, segment: int, indices: set[int], found: dict[Key, np.ndarray]) -> None:
        """Look at frames of one segment; their indices are taken out of the set as they come."""
        waiting: dict[Key, np.ndarray] = {}
        for index, frame in self.read(segment, sorted(indices)):
            indices.remove(index)
            self.findings.looked += 1
            with self.findings.timed("judge"):
                duplicate = self._is_duplicate(frame)
            if duplicate:
                self.findings.refused["near-duplicate"] += 1
                continue
            waiting[segment, index] = frame
            # The first face is looked for alone: where it is, the others are tried first.
            alone = self._nearest((segment, index), found) is None
            full = len(waiting) == AT_ONCE or len(waiting) * frame.nbytes > AT_ONCE_BYTES
            if alone or full:
                self._detect(waiting, found)
                waiting = {}
        self._detect(waiting, found)

    def _is_duplicate(self, frame: np.ndarray) -> bool:
        if not self.gates.least_change:
            return False
        small = quality.thumbnail(frame)
        if any(quality.change(small, seen) < self.gates.least_change for seen in self._thumbnails):
            return True
        self._thumbnails.append(small)
        return False

    def _nearest(self, key: Key, found: dict[Key, np.ndarray]) -> np.ndarray | None:
        """Return the face that was seen closest in time, if any was seen in this segment.

        Clips that are face crops have it in the same place, so there another segment's will do.
        """
        known = self._faces | found
        if not self.one_place:
            known = {other: face for other, face in known.items() if other[0] == key[0]}
        closest = min(
            known, key=lambda other: (abs(other[0] - key[0]), abs(other[1] - key[1])), default=None
        )
        return known.get(closest)

    def _detect(self, frames: dict[Key, np.ndarray], found: dict[Key, np.ndarray]) -> None:
        """Find the faces of some frames at once, and keep those that pass the gates."""
        if not frames:
            return
        with self.findings.timed("detect", len(frames)):
            landmarks = self.detector.detect(
                list(frames.values()),
                [(self.video.segments[segment], index) for segment, index in frames],
                [self._nearest(key, found) for key in frames],
            )
        for (key, frame), face in zip(frames.items(), landmarks, strict=True):
            with self.findings.timed("judge", frames=0):
                reason = quality.refuse_face(face, frame, self.image_size, self.gates)
                if not reason and self.gates.least_likeness and not self.stills[key[0]]:
                    self.colours[key] = quality.colours(frame, face)
            if reason:
                self.findings.refused[reason] += 1
                if self.stills[key[0]]:
                    name = self.video.segments[key[0]].name
                    self.findings.refused_photos[name] = reason
            else:
                found[key] = face
                self.keep(key, frame, face)
