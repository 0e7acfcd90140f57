"""How well does a network of face recognition tell whether two frames show one person?

    python preprocess.py --source VIDEOS --output DATA --frames-per-video 24
    python -m benchmarks.identity --data DATA --output identity.png
    python -m benchmarks.identity --data DATA --output arcface.png --arcface w600k_r50.onnx

Compares all frames of DATA with each other: of one clip, of one person's other clips, of others.
AUC: how often two frames of one person are nearer than two of different people, ties counted half.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from dataset.episodes import record_images
from dataset.landmarks import scale_landmarks
from dataset.store import read_record, read_videos, video_path
from evaluation.protocol import person_of
from metric.identity import FaceDescriptor
from pretrained.arcface import load_arcface
from pretrained.dlib_resnet import load_dlib_resnet
from pretrained.vggface import load_vggface_descriptor
from system.files import replacing

KINDS = ("same clip", "same person, another clip", "another person")
SHOWN = (0.05, 0.5, 0.95)  # quantiles
BINS = 60


class Faces(NamedTuple):
    """Described frames."""

    descriptors: Tensor
    """(N, D), any length."""
    clips: Tensor
    """(N,) number of each frame's clip."""
    people: Tensor
    """(N,) number of each frame's person."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of preprocess.py")
    parser.add_argument("--output", type=Path, required=True, help="figure to write, PNG")
    parser.add_argument("--frames", type=int, default=16, help="at most so many of each clip")
    parser.add_argument("--image-size", type=int, default=256, help="of the frames that are seen")
    network = parser.add_mutually_exclusive_group()
    network.add_argument("--arcface", type=Path, help="in place of dlib's")
    network.add_argument("--vggface", type=Path, help="in place of dlib's")
    options = parser.parse_args()
    if options.arcface:
        describe = FaceDescriptor(load_arcface(options.arcface))
    elif options.vggface:
        describe = FaceDescriptor(load_vggface_descriptor(options.vggface))
    else:
        describe = FaceDescriptor(load_dlib_resnet())

    faces = describe_faces(options.data, describe, options.frames, options.image_size)
    people, clips = len(faces.people.unique()), len(faces.clips.unique())
    print(f"{describe.name}: {len(faces.clips)} frames, {clips} clips, {people} people")
    distances = torch.cdist(faces.descriptors, faces.descriptors)
    unit = torch.nn.functional.normalize(faces.descriptors)
    figures = {"CSIM": (by_kind(unit @ unit.T, faces), 1.0, None)}
    if describe.same_person is not None:
        figures["distance"] = (by_kind(distances, faces), -1.0, describe.same_person)
    for name, (pairs, sign, threshold) in figures.items():
        print(table(name, pairs, sign, threshold))
    draw(figures, options.output)


@torch.no_grad()
def describe_faces(folder: Path, describe: FaceDescriptor, frames: int, image_size: int) -> Faces:
    """Describe evenly spread frames of each video of a preprocessed folder."""
    descriptors, clips, people = [], [], []
    videos = sorted(read_videos(folder))
    numbers = {person: at for at, person in enumerate(sorted(set(map(person_of, videos))))}
    for clip, video in enumerate(tqdm(videos)):
        record = read_record(video_path(folder, video))
        count = min(frames, len(record.frames))
        chosen = [at * len(record.frames) // count for at in range(count)]
        images, _ = record_images(record, chosen, image_size)
        landmarks = scale_landmarks(record.landmarks, record.image_size, image_size)[chosen]
        descriptors.append(describe.raw(images / 127.5 - 1, torch.from_numpy(landmarks)))
        clips += [clip] * count
        people += [numbers[person_of(video)]] * count
    return Faces(torch.cat(descriptors), torch.tensor(clips), torch.tensor(people))


def by_kind(likeness: Tensor, faces: Faces) -> dict[str, Tensor]:
    """Sort numbers of pairs (N, N) by whom they show; no frame is paired with itself."""
    first, second = torch.triu_indices(len(likeness), len(likeness), offset=1)
    values = likeness[first, second]
    clip = faces.clips[first] == faces.clips[second]
    person = faces.people[first] == faces.people[second]
    return dict(zip(KINDS, (values[clip], values[person & ~clip], values[~person]), strict=True))


def table(name: str, pairs: dict[str, Tensor], sign: float, threshold: float | None) -> str:
    """List each kind's quantiles, its share within the threshold, and its AUC against others."""
    near = "" if threshold is None else f"{f'< {threshold}':>8}"
    quantiles = "".join(f"{f'{100 * q:.0f} %':>8}" for q in SHOWN)
    lines = [f"\n{name:<27}{'pairs':>8}{'mean':>8}{quantiles}{near}{'AUC':>8}"]
    others = sign * pairs[KINDS[-1]]
    for kind, values in pairs.items():
        if not len(values):
            continue
        ordered = values.sort().values
        shown = [values.mean(), *(ordered[int(q * (len(ordered) - 1))] for q in SHOWN)]
        if threshold is not None:
            shown.append((values < threshold).float().mean())
        if kind != KINDS[-1]:
            shown.append(area_under_curve(sign * values, others))
        lines.append(f"{kind:<27}{len(values):>8}" + "".join(f"{v:8.3f}" for v in shown))
    return "\n".join(lines)


def area_under_curve(alike: Tensor, others: Tensor) -> float:
    """How often a number of `alike` (P,) is above one of `others` (N,), ties counted half."""
    ordered = others.sort().values
    below, upto = (torch.searchsorted(ordered, alike, right=right) for right in (False, True))
    return ((below + upto).double().mean() / (2 * len(ordered))).item()


def draw(figures: dict[str, tuple[dict[str, Tensor], float, float | None]], path: Path) -> None:
    """Draw the distributions, one panel a number; they are no pictures of anybody."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(figures), 3.2), layout="constrained")
    for at, (name, (pairs, _, threshold)) in enumerate(figures.items(), 1):
        axes = figure.add_subplot(1, len(figures), at)
        for kind, values in pairs.items():
            axes.hist(values.numpy(), BINS, density=True, alpha=0.5, label=kind)
        if threshold is not None:
            axes.axvline(threshold, color="black", linewidth=1, linestyle="--")
        axes.set_title(name, fontsize=10)
        axes.set_yticks([])
        if at == 1:
            axes.legend(fontsize=8)
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=110)


if __name__ == "__main__":
    main()
