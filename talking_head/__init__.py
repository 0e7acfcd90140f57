"""One person's head, for programs: what the scripts do, in a few calls.

from talking_head import TalkingHead

head = TalkingHead.from_pictures("models/drawn_heads.pt", ["me.jpg", "holiday.mp4"])
head.finetune(steps=40)
head.animate("speech.mp4", motion="retargeted").save("me.mp4")
head.save("heads/me.pt")
"""

from talking_head.animation import Animation, Moment
from talking_head.head import Learnt, TalkingHead

__all__ = ["Animation", "Learnt", "Moment", "TalkingHead"]
