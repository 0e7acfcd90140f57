"""Pictures with words below them, as a piece of HTML."""

import base64
import html
from collections.abc import Iterable

import numpy as np

from dataset.images import encode_jpeg

QUALITY = 85  # of the JPEGs, of 100


def cards(pictures: Iterable[tuple[np.ndarray, str]]) -> str:
    """Lay pictures (S, S, 3) uint8 RGB out, each over its words, which may be none."""
    return f"<div class='cards'>{''.join(_card(*picture) for picture in pictures)}</div>"


def _card(picture: np.ndarray, words: str) -> str:
    data = base64.b64encode(encode_jpeg(picture, QUALITY)).decode()
    words = html.escape(words)
    image = f"<img alt='{words}' src='data:image/jpeg;base64,{data}'>"
    return f"<figure>{image}<figcaption>{words}</figcaption></figure>"
