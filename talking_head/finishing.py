"""What becomes of each result: alone, beside its driver, or in a whole picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from dataset.detection.detector import Which
from dataset.detection.kinds import create_detector
from dataset.landmarks import draw_landmarks
from inference.paste import find_place, paste_back, place_in
from talking_head.animation import Moment
from talking_head.drawing import DETECTOR, DrawingHead

Finish = Callable[[Moment], np.ndarray]
"""From a moment of an animation to the picture (H, W, 3) uint8 RGB that is shown or written."""


def alone(moment: Moment) -> np.ndarray:
    """Show the head's frame."""
    return moment.frame


def side_by_side(moment: Moment) -> np.ndarray:
    """Show driver, landmarks and head beside each other."""
    panels = [draw_landmarks(moment.landmarks, len(moment.frame)), moment.frame]
    if moment.driver.frame is not None:
        panels.insert(0, moment.driver.frame)
    return np.concatenate(panels, axis=1)


def in_driver(moment: Moment) -> np.ndarray:
    """Show the head in the driver's frame, which must be there."""
    return paste_back(moment.frame, place_in(moment.driver.whole, moment.driver.box))


def in_picture(
    head: DrawingHead,
    picture: Path,
    detector: str = DETECTOR,
    face: Which = "largest",
    crop: str = "auto",
) -> Finish:
    """Show the head in a picture of the person.

    Args:
        head: whose frames come.
        picture: a photo of the person.
        detector: finds the face in it.
        face: which of several faces.
        crop: whole, face, or auto: as the person's pictures were.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture, or shows no face.
    """
    finder = create_detector(detector, head.device, face=face)
    place = find_place(picture, finder, head.crop if crop == "auto" else crop)
    return lambda moment: paste_back(moment.frame, place)
