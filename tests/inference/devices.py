"""A stand-in for a camera."""

import time


class Device:
    """OpenCV's VideoCapture, as far as it is used: frames at a rate, then the end.

    Args:
        frames: (H, W, 3) uint8 BGR.
        fps: frames per second, in real time.
        opened: whether it can be opened.
    """

    def __init__(self, frames, fps, opened=True):
        self.frames, self.fps, self.opened = iter(frames), fps, opened
        self.count, self.released = 0, False
        self._due = None

    def isOpened(self):  # noqa: N802
        return self.opened

    def get(self, what):
        return float(self.fps)

    def read(self):
        self._due = (self._due or time.monotonic()) + 1 / self.fps
        time.sleep(max(self._due - time.monotonic(), 0))
        frame = next(self.frames, None)
        self.count += frame is not None
        return frame is not None, frame

    def release(self):
        self.released = True


def plug_in(monkeypatch, device):
    """Make a device the camera of every number."""
    monkeypatch.setattr("inference.camera.cv2.VideoCapture", lambda number: device)
    return device
