"""One person's head, for programs: what the scripts do, in a few calls.

from talking_head import TalkingHead

head = TalkingHead.from_pictures("models/drawn_heads_128.pt", ["me.jpg", "holiday.mp4"])
head.finetune(steps=40)
head.animate("speech.mp4", motion="retargeted").save("me.mp4")
head.save("heads/me.pt")
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talking_head.animation import Animation, Moment
    from talking_head.head import Learnt, TalkingHead
    from talking_head.onnx import OnnxHead
    from talking_head.onnx_model import OnnxModel

__all__ = ["Animation", "Learnt", "Moment", "OnnxHead", "OnnxModel", "TalkingHead"]

_PLACES = {
    "Animation": "animation",
    "Moment": "animation",
    "OnnxHead": "onnx",
    "OnnxModel": "onnx_model",
}


def __getattr__(name: str) -> object:
    """Import what is asked for only then: what is in ONNX does without PyTorch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES.get(name, 'head')}"), name)
