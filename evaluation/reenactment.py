"""One person with another one's motion: identity kept, motion followed, face shape leaked."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dataset.images import frame_to_image, normalize, resize
from dataset.landmarks import draw_landmarks, scale_landmarks
from drawn_heads.set import DrawnSet
from drawn_heads.truth import reenactment_truth
from evaluation.measures import Frames, identity_kept, mean_likeness, obedience, plain
from evaluation.protocol import Subject
from inference.retarget import MOTIONS
from metric.shape import face_shape, identity_leak

MOST_AWAY = 0.5  # pixels between landmarks stored and drawn again

ABSOLUTE, TRUE = "absolute", "true"


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
            as the driver's are from its first hold-out frame on. retargeted: the driver's, with
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
        known = normalize(source.known.images.to(device))
        self._known = frames(known, source.known.landmarks)
        self.motions = self._motions()
        if self.truth is not None:
            self._right, self._leaked = (
                normalize(images.to(device)) for images in (self.truth.images, self.truth.leaked)
            )

    def draw_landmarks(self, landmarks: np.ndarray) -> Tensor:
        """Draw landmarks (F, 68, 2) as images (F, 3, H, W) uint8."""
        return frame_to_image(np.stack([draw_landmarks(points, self.size) for points in landmarks]))

    def score(self, output: Frames) -> dict[str, float | None]:
        """Measure frames of the source, with the landmarks that the generator was shown."""
        driving = self.driver.held_out.landmarks
        scores = identity_kept(output, self._known) | obedience(output, driving)
        if output.instruments.detector is not None:
            shapes = (output.found, self._known.points, torch.from_numpy(driving))
            scores["leak"] = identity_leak(*map(face_shape, shapes))
        if self.truth is not None:
            right = self.frames(self._right, self.truth.landmarks)
            scores |= mean_likeness(output, right)
            scores["drawn_leak"] = projection(output.images, self._right, self._leaked)
        return plain(scores)

    def _motions(self) -> dict[str, np.ndarray]:
        driving = self.driver.held_out.landmarks
        moved = {
            motion: np.stack(list(move(driving, self.source.known.landmarks)))
            for motion, move in MOTIONS.items()
        }
        truth = {} if self.truth is None else {TRUE: self.truth.landmarks}
        return {ABSOLUTE: driving, **moved, **truth}


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
