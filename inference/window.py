"""A window on the screen, for what is drawn live."""

import os
import sys

import cv2
import numpy as np

KEYS = (27, ord("q"))  # that close it: Escape, q
LARGER = 512  # pixels; smaller pictures are enlarged


def has_display() -> bool:
    """Tell whether there is a screen to show a window on."""
    if sys.platform.startswith("linux"):
        return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return True


class Window:
    """Show pictures one after the other, with a line of text, until the user closes it.

    Args:
        title: of the window.
    """

    def __init__(self, title: str):
        self.title = title

    def __enter__(self) -> "Window":
        cv2.namedWindow(self.title, cv2.WINDOW_NORMAL)
        return self

    def __exit__(self, *error: object) -> None:
        cv2.destroyWindow(self.title)

    def show(self, frame: np.ndarray, text: str) -> bool:
        """Show a picture (H, W, 3) uint8 RGB; tell whether the window is still wanted."""
        scale = max(1, round(LARGER / len(frame)))
        shown = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        shown = cv2.cvtColor(shown, cv2.COLOR_RGB2BGR)
        for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):  # readable on any ground
            cv2.putText(shown, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, width)
        cv2.imshow(self.title, shown)
        closed = cv2.waitKey(1) & 0xFF in KEYS
        return not closed and cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) >= 1
