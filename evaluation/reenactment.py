"""One person with another one's motion: identity kept, motion followed, face shape leaked."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dataset.images import frame_to_image, normalize, resize
from dataset.landmarks import are_faces, draw_landmarks, scale_landmarks
from dataset.shape import face_shape
from drawn_heads.set import DrawnSet
from drawn_heads.truth import reenactment_truth
from evaluation.measures import Frames, identity_kept, mean_likeness, obedience, plain
from evaluation.protocol import Subject
from inference.retarget import (
    MOTIONS,
    REST,
    Move,
    most_neutral,
    most_similar,
    moved,
    moved_from,
)
from metric.shape import identity_leak

MOST_AWAY = 0.5  # pixels between landmarks stored and drawn again

ABSOLUTE, RELATIVE, TRUE = "absolute", "relative", "true"


class Truth(NamedTuple):
    """What the source would look like, and with the driver's shape of face; for drawn heads."""

    images: Tensor
    """(F, 3, H, W) uint8."""
    leaked: Tensor
    """(F, 3, H, W) uint8."""
    landmarks: np.ndarray
    """(F, 68, 2) float32, pixels."""


class Reenactment:
    """A person to be moved, and the motion of another one's hold-out frames.

    Args:
        source: who is moved; `known` of it was learnt from.
        driver: who moves.
        drawn: how both were drawn, if they were; the true answer is then known.
        frames: makes `Frames` of images in [-1, 1] and landmarks.
        device: where images are measured.

    Attributes:
        truth: the true answer, or None.
        motions: the ways to drive: name -> landmarks (F, 68, 2) that the generator is shown.
            absolute: the driver's landmarks, as the paper does. relative: the source's own, moved
            as the driver's are from its most neutral hold-out frame. retargeted: the driver's, with
            the source's shape of face. true: those of the source's own face in the driver's
            motion, which only drawn heads know.

    Raises:
        ValueError: the frames are not whole ones of drawn heads.
    """

    def __init__(
        self,
        source: Subject,
        driver: Subject,
        drawn: DrawnSet | None,
        frames: Callable[[Tensor, np.ndarray], Frames],
        device: torch.device,
    ):
        self.source, self.driver, self.frames = source, driver, frames
        self.size = source.held_out.images.shape[-1]
        self.truth = None if drawn is None else _draw_truth(drawn, source, driver, self.size)
        self._known, self._driving = (
            frames(normalize(pictures.images.to(device)), pictures.landmarks)
            for pictures in (source.known, driver.held_out)
        )
        self.motions = self._motions()
        if self.truth is not None:
            right, self._leaked = (
                normalize(images.to(device)) for images in (self.truth.images, self.truth.leaked)
            )
            self._answer = frames(right, self.truth.landmarks)

    def draw_landmarks(self, landmarks: np.ndarray) -> Tensor:
        """Draw landmarks (F, 68, 2) as images (F, 3, H, W) uint8."""
        return frame_to_image(np.stack([draw_landmarks(points, self.size) for points in landmarks]))

    def score(self, output: Frames, motion: str) -> dict[str, float | None]:
        """Measure frames of the source, drawn with the landmarks of a motion."""
        scores = identity_kept(output, self._known)
        if output.instruments.detector is not None:
            driving = self._driving.found
            scores |= obedience(output, self._wanted(motion), driving)
            shapes = (output.found, self._known.found, driving)
            scores["leak"] = identity_leak(
                *(torch.from_numpy(face_shape(x.numpy())) for x in shapes)
            )
        if self.truth is not None:
            scores |= mean_likeness(output, self._answer)
            scores["drawn_leak"] = projection(output.images, self._answer.images, self._leaked)
        return plain(scores)

    def _wanted(self, motion: str) -> Tensor:
        """Give the motion as the detector of the instruments sees driver and source: (F, 68, 2).

        NaN where it sees no face; everywhere where it does not see what the motion starts from.
        """
        if motion == TRUE:
            return self._answer.found
        driving, known = self._driving.found.numpy(), self._known.found.numpy()
        if motion == ABSOLUTE:
            return self._driving.found
        wanted, seen = np.full_like(driving, np.nan), are_faces(driving)
        move = self._move(motion, driving, known)
        if move is not None:
            wanted[seen] = list(map(move, driving[seen]))
        return torch.from_numpy(wanted)

    def _move(self, motion: str, driving: np.ndarray, known: np.ndarray) -> Move | None:
        """Learn a motion from found landmarks; None where it does not see what it starts from."""
        if motion != RELATIVE:
            found, known = driving[are_faces(driving)], known[are_faces(known)]
            return MOTIONS[motion].learn(found, known) if len(found) and len(known) else None
        stored = self.driver.held_out.landmarks
        rest = most_neutral(stored[:REST])
        source = most_similar(stored[rest], self.source.known.landmarks)
        ends = driving[rest], known[source]
        return moved_from(*ends) if are_faces(np.stack(ends)).all() else None

    def _motions(self) -> dict[str, np.ndarray]:
        driving, known = self.driver.held_out.landmarks, self.source.known.landmarks
        changed = {motion: np.stack(list(moved(motion, driving, known))) for motion in MOTIONS}
        truth = {} if self.truth is None else {TRUE: self.truth.landmarks}
        return {ABSOLUTE: driving, **changed, **truth}


def projection(output: Tensor, right: Tensor, leaked: Tensor) -> float:
    """Tell how far pixels have gone from right (0) to leaked (1), whatever else is wrong in them.

    Args:
        output, right, leaked: images of one shape.
    """
    towards = (leaked - right).double()
    return (((output - right) * towards).sum() / towards.square().sum()).item()


def _draw_truth(drawn: DrawnSet, source: Subject, driver: Subject, size: int) -> Truth:
    if source.crop != "whole":
        raise ValueError(f"--drawn-heads needs frames of --crop whole, got {source.crop}")
    own = reenactment_truth(drawn, driver.video, driver.video, driver.held_out.frames[0])
    away = scale_landmarks(own.landmarks, drawn.size, size) - driver.held_out.landmarks[0]
    if not np.abs(away).max() < MOST_AWAY:
        raise ValueError(
            f"--drawn-heads is another set: it has {driver.video} elsewhere than --data has it"
        )
    answers = [
        [
            reenactment_truth(drawn, source.video, driver.video, frame, face_of_driver)
            for frame in driver.held_out.frames
        ]
        for face_of_driver in (False, True)
    ]
    images, leaked = (
        frame_to_image(np.stack([resize(answer.frame, size) for answer in row])) for row in answers
    )
    landmarks = np.stack([answer.landmarks for answer in answers[0]])
    return Truth(images, leaked, scale_landmarks(landmarks, drawn.size, size))
