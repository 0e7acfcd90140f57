"""Pictures: read, write, resize, and turn into tensors and back.

PyTorch and Pillow are imported where they are used: the processes that decode videos and records
do without them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from system.files import replacing

if TYPE_CHECKING:
    from torch import Tensor

HALF_RANGE = 127.5  # uint8 0..255 is float -1..1


def read_image(path: Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, upright and in sRGB; see `decode_photo`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a picture, or not a whole one.
    """
    from dataset.photos import decode_photo

    return decode_photo(Path(path).read_bytes(), str(path))


def write_image(path: Path, frame: np.ndarray) -> None:
    """Write a frame (H, W, 3) uint8 RGB as .png or .jpg; the file appears whole.

    Raises:
        ValueError: another suffix.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ValueError(f"{path}: pictures are written as .png or .jpg")
    data = _encode(path.suffix.lower(), frame, [])
    with replacing(path) as partial:
        partial.write_bytes(data)


def encode_jpeg(frame: np.ndarray, quality: int) -> bytes:
    """Encode a frame (H, W, 3) uint8 RGB as JPEG of quality 1 to 100."""
    return _encode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])


def decode_jpeg(data: bytes) -> np.ndarray:
    """Decode a JPEG to (H, W, 3) uint8 RGB; ValueError when it is none."""
    try:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:  # more pixels than OpenCV accepts
        frame = None
    if frame is None:
        raise ValueError("JPEG data is not a picture that OpenCV can read")
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def resize(frame: np.ndarray, size: int) -> np.ndarray:
    """Resize to (size, size, 3): area averages when shrinking, cubic when growing."""
    height, width = frame.shape[:2]
    if (height, width) == (size, size):
        return frame
    method = cv2.INTER_AREA if min(height, width) > size else cv2.INTER_CUBIC
    return cv2.resize(frame, (size, size), interpolation=method)


def frame_to_image(frame: np.ndarray) -> "Tensor":
    """Turn frames (..., H, W, 3) uint8 into images (..., 3, H, W) uint8."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(frame, -1, -3)))


def image_to_frame(image: "Tensor") -> np.ndarray:
    """Turn images (..., 3, H, W), uint8 or float in [-1, 1], into frames (..., H, W, 3) uint8.

    Floats are rounded to the nearest value; what lies outside [-1, 1] is cut off.
    """
    image = image.detach()
    image = quantize(image) if image.is_floating_point() else image
    return np.ascontiguousarray(image.movedim(-3, -1).cpu().numpy())


def normalize(image: "Tensor") -> "Tensor":
    """Bring uint8 images to float32 in [-1, 1], on the device where they are.

    Raises:
        TypeError: the image is not uint8, so it may be normalised already.
    """
    import torch

    if image.dtype != torch.uint8:
        raise TypeError(f"images to normalise must be uint8, got {image.dtype}")
    return image.float() / HALF_RANGE - 1


def quantize(image: "Tensor") -> "Tensor":
    """Bring images in [-1, 1] to uint8: rounded to the nearest value, cut off outside."""
    import torch

    return ((image.float() + 1) * HALF_RANGE).round().clamp(0, 255).to(torch.uint8)


def _encode(suffix: str, frame: np.ndarray, options: list[int]) -> bytes:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"a frame must be (H, W, 3) uint8, got {frame.shape} {frame.dtype}")
    done, data = cv2.imencode(suffix, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"OpenCV cannot encode a frame of shape {frame.shape} as {suffix}")
    return data.tobytes()
