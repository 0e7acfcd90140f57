"""Whose face does a model draw of a stranger, and how near is that to what can be measured?

    python -m benchmarks.whose_face --checkpoint RUN --seen DATA --unseen DATA_TEST

From T pictures of each clip of DATA_TEST, feed-forward or fine-tuned. Frames that are not among
them are drawn, and compared by dlib's network of face recognition with the true ones, with the
person's pictures, and with every person of training. Landmarks: found in what is drawn, against
the true ones; beside it what the detector's own two runs on copies with fresh noise differ by.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.identity import describe_faces
from dataset.detection.dlib import DlibDetector
from dataset.images import frame_to_image, normalize
from dataset.preparation.person import load_person
from dataset.store import read_videos, video_path
from evaluation.protocol import person_of
from metric.geometry import landmark_error
from metric.identity import FaceDescriptor
from pretrained.dlib_resnet import load_dlib_resnet
from system.device import set_threads
from talking_head import TalkingHead

OF_TRAINING = 8  # frames of each clip
NOISE = 5.0  # grey levels of 255, standard deviation


class Likeness(NamedTuple):
    """What was measured of one clip; CSIM and shares of the outer eye distance."""

    true: float
    """CSIM of the held-out frames with the T pictures."""
    drawn: float
    """CSIM of what is drawn with the held-out frames."""
    own: float
    """CSIM of what is drawn with the person, a mean over the T pictures."""
    nearest: float
    """CSIM of what is drawn with the training person whom it is most like."""
    error: float
    """Landmarks in what is drawn, off the true ones."""
    noise: float
    """The detector's two runs, apart."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="run or model of train.py")
    parser.add_argument("--seen", type=Path, required=True, help="the people of its training")
    parser.add_argument("--unseen", type=Path, required=True, help="people it has never seen")
    parser.add_argument("--shots", type=int, default=8, help="T")
    parser.add_argument("--held-out", type=int, default=16, help="frames of each clip")
    parser.add_argument("--finetune-steps", type=int, default=0, help="0: feed-forward")
    parser.add_argument("--vgg19", type=Path, help="where it lies elsewhere than in training")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    set_threads(options.threads)
    describe, detector = FaceDescriptor(load_dlib_resnet()), DlibDetector()
    faces = describe_faces(options.seen, describe, OF_TRAINING, 128)
    unit = torch.nn.functional.normalize(faces.descriptors)
    people = torch.stack([unit[faces.people == at].nanmean(0) for at in faces.people.unique()])
    print("| clip | true frames | drawn | of it | the person | nearest in training | landmarks off "
          "| detector's own | times |\n|" + "---|" * 9)  # fmt: skip
    found = {}
    for video in sorted(read_videos(options.unseen)):
        found[video] = measured(video, options, describe, detector, people)
        print(row(video, found[video]), flush=True)
    print(row("mean", Likeness(*np.mean(list(found.values()), axis=0))))
    named = sorted(set(map(person_of, found)))
    own = [
        np.mean([now.own > now.nearest for video, now in found.items() if person_of(video) == name])
        for name in named
    ]
    print(f"\nmore like the person than like any of training: {sum(one > 0.5 for one in own)} of "
          f"{len(named)} people")  # fmt: skip


def measured(
    video: str, options: argparse.Namespace, describe: FaceDescriptor, detector: DlibDetector,
    people: Tensor,
) -> Likeness:  # fmt: skip
    """Make a head from T pictures of a clip and measure its other frames."""
    source = video_path(options.unseen, video)
    head = TalkingHead.from_pictures(
        options.checkpoint, source, shots=options.shots, aside=options.held_out
    )
    if options.finetune_steps:
        head.finetune(steps=options.finetune_steps, vgg19=options.vgg19)
    size, limit = head.image_size, options.shots + options.held_out
    person = load_person(source, None, head.crop, size, limit)
    frames, landmarks = person.frames, person.landmarks
    known, held = slice(options.shots), slice(options.shots, None)
    drawn = head.draw(landmarks[held])

    def described(pictures: np.ndarray, points: np.ndarray) -> Tensor:
        with torch.no_grad():
            return describe(normalize(frame_to_image(pictures)), torch.from_numpy(points))

    own, true = described(frames[known], landmarks[known]), described(frames[held], landmarks[held])
    seen = described(drawn, landmarks[held])
    rng = np.random.default_rng(0)
    first, second = (detected(detector, noisy(frames[held], rng), landmarks[held]) for _ in "12")
    found = detected(detector, drawn, landmarks[held])
    return Likeness(
        (true @ own.T).mean().item(),
        (seen * true).sum(1).mean().item(),
        (seen @ torch.nn.functional.normalize(own.mean(0), dim=0)).mean().item(),
        (seen @ torch.nn.functional.normalize(people).T).mean(0).max().item(),
        landmark_error(found, torch.from_numpy(landmarks[held])).nanmean().item(),
        landmark_error(first, second).nanmean().item(),
    )


def noisy(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Copy frames with Gaussian noise."""
    return np.clip(frames + rng.normal(0, NOISE, frames.shape), 0, 255).round().astype(np.uint8)


def detected(detector: DlibDetector, frames: np.ndarray, near: np.ndarray) -> Tensor:
    """Find the landmarks in frames, where a face was: (F, 68, 2)."""
    places = [(Path("clip"), at) for at in range(len(frames))]
    return torch.from_numpy(detector.detect(list(frames), places, list(near)))


def row(name: str, now: Likeness) -> str:
    cells = [f"{now.true:.3f}", f"{now.drawn:.3f}", f"{now.drawn / now.true:.2f}"]
    cells += [f"{now.own:.3f}", f"{now.nearest:.3f}", f"{now.error:.1%}", f"{now.noise:.1%}"]
    return f"| {name} | {' | '.join(cells)} | {now.error / now.noise:.2f} |"


if __name__ == "__main__":
    main()
