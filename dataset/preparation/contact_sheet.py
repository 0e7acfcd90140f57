"""Many small pictures on one large one, so that a person sees at a glance whether data is good."""

import math
from pathlib import Path

import cv2
import numpy as np

from dataset.images import decode_jpeg, resize, write_image
from dataset.landmarks import draw_over, scale_landmarks
from dataset.store import SHEET, StoreError, read_record, video_path

SHOWN = 64
TILE, LABEL = 160, 14  # pixels


def write_contact_sheet(folder: Path, videos: list[str], seed: int = 0) -> Path | None:
    """Write one frame of each of 64 random records, with its landmarks drawn, as one picture.

    Records that cannot be read are left out.

    Args:
        folder: what preprocess.py wrote; the sheet is put into it.
        videos: ids to choose from.
        seed: chooses the records and the frames.

    Returns:
        The sheet; None if no record can be read.
    """
    rng = np.random.default_rng(seed)
    tiles = []
    for number in rng.permutation(len(videos)):
        try:
            record = read_record(video_path(folder, videos[number]))
            frame = int(rng.integers(len(record.frames)))
            picture = decode_jpeg(record.frames[frame])
        except (StoreError, ValueError, OSError):
            continue
        tiles.append(_tile(picture, record.landmarks[frame], videos[number]))
        if len(tiles) == SHOWN:
            break
    if not tiles:
        return None
    path = Path(folder) / SHEET
    write_image(path, _arrange(tiles))
    return path


def _tile(picture: np.ndarray, landmarks: np.ndarray, name: str) -> np.ndarray:
    """Draw landmarks and name onto a picture (S, S, 3), in the size of a tile."""
    tile = np.ascontiguousarray(resize(picture, TILE))
    draw_over(tile, scale_landmarks(landmarks, len(picture), TILE))
    tile[-LABEL:] //= 3
    label = name[-24:].encode("ascii", "replace").decode()
    at = (3, TILE - 4)
    cv2.putText(tile, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.33, (255,) * 3, 1, cv2.LINE_AA)
    return tile


def _arrange(tiles: list[np.ndarray]) -> np.ndarray:
    """Put tiles into rows, as many as there are columns or one less."""
    columns = math.ceil(math.sqrt(len(tiles)))
    blank = np.zeros_like(tiles[0])
    tiles = tiles + [blank] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
    return np.concatenate(rows)
