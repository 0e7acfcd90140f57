"""Which metric notices which fault?

    python -m benchmarks.degradations [--arcface w600k_r50.onnx]
    python -m benchmarks.degradations --landmarks drawn

Draws heads, spoils them in known ways and measures them against what was drawn. Landmarks are
found on the pictures, spoilt and true alike, as in real use; or they are those of the drawing,
where no detector stands between a fault and its number.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.functional import affine, gaussian_blur

from dataset.detection.kinds import create_detector
from dataset.images import frame_to_image, image_to_frame, normalize, write_image
from dataset.shape import face_shape
from drawn_heads.motion import Motion
from drawn_heads.people import Person
from drawn_heads.render import render
from drawn_heads.scenes import Scene
from drawn_heads.set import draw_video
from metric.frechet import frechet_distance
from metric.geometry import landmark_error, pose_error
from metric.identity import FaceDescriptor, cosine, distance
from metric.motion import flicker, landmark_jitter
from metric.perceptual import Lpips
from metric.pixels import l1, psnr
from metric.shape import identity_leak
from metric.ssim import ssim
from pretrained.arcface import load_arcface
from pretrained.dlib_resnet import load_dlib_resnet
from pretrained.inception import load_inception
from pretrained.lpips import load_lpips
from system.progress import progress_bar

SIZE = 128  # pixels
FPS = 25 / 4  # of the frames that are compared: every fourth of a video
SHAPE_FRAMES, SHAPE_FPS = 32, 1  # of another video of each person, which tells its shape

TURN = 15.0  # degrees
MOVE = 2  # pixels at most, across and down, and 1 at least
CAST = (0.15, 0.0, -0.15)  # added to red, green and blue in [-1, 1]
NOISE = 0.1  # standard deviation, in [-1, 1]

NAMES = {
    "ssim": "SSIM", "psnr": "PSNR, dB", "l1": "L1, %", "lpips": "LPIPS", "fid": "FID",
    "csim": "CSIM", "recognized": "recognized, %", "found": "found, %",
    "landmarks": "landmark error, %", "pose": "pose error, °",
    "jitter": "landmark jitter, %", "flicker": "flicker, %", "leak": "identity leak",
}  # fmt: skip
PERCENT = {"l1", "landmarks", "jitter", "flicker", "recognized", "found"}
FINDERS = ("dlib", "face-alignment")


class Clip(NamedTuple):
    """Frames in the order of time, with their landmarks."""

    images: Tensor
    """(F, 3, S, S) in [-1, 1]."""
    landmarks: Tensor
    """(F, 68, 2), pixels."""


class Actor(NamedTuple):
    """A drawn person in a scene, moving; `later` goes on where `motion` ends."""

    person: Person
    scene: Scene
    motion: Motion
    later: Motion
    shape: Tensor
    """(68, 2) of another video."""


def main() -> None:
    arguments = parse()
    look = looking(arguments.landmarks)
    actors = [
        cast(number, arguments.frames, arguments.seed, look)
        for number in progress_bar(iterable=range(arguments.people), desc="casting", unit="person")
    ]
    measures, describe = measures_at_hand(arguments.arcface)
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    features: dict[str, list[Tensor]] = defaultdict(list)
    rows = []
    for number in progress_bar(iterable=range(len(actors)), desc="measuring", unit="person"):
        actor, other = actors[number], actors[(number + 1) % len(actors)]
        drawn = draw(actor.person, actor.scene, actor.motion)
        rng = np.random.default_rng([arguments.seed, number])
        spoilt = {fault: look(clip) for fault, clip in spoil(drawn, actor, other, rng)}
        truth = spoilt["nothing"]
        for fault, clip in spoilt.items():
            for name, measure in measures.items():
                values[fault][name].append(measure(clip, truth))
            leak = identity_leak(shape_of(clip), actor.shape, other.shape)
            values[fault]["leak"].append(leak)
            if describe is not None:
                features[fault].append(describe(clip.images))
        rows.append(torch.cat([clip.images[-1] for clip in spoilt.values()], dim=-1))
    for fault, parts in features.items():
        distance = frechet_distance(torch.cat(parts), torch.cat(features["nothing"]))
        values[fault]["fid"] = [distance]
    print_table({f: {n: np.nanmean(v).item() for n, v in row.items()} for f, row in values.items()})
    print(f"\n{arguments.people} people, {arguments.frames} frames each, {SIZE} pixels, {FPS} fps.")
    print(f"Landmarks: {arguments.landmarks}.")
    if arguments.sheet:
        write_image(arguments.sheet, image_to_frame(torch.cat(rows[:6], dim=-2)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--frames", type=int, default=24, help="of each person")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--landmarks", choices=["drawn", *FINDERS], default="dlib")
    parser.add_argument("--arcface", type=Path, help="ONNX file, for CSIM in place of dlib's")
    parser.add_argument("--sheet", type=Path, help="write the spoilt pictures here, as PNG")
    return parser.parse_args()


def looking(kind: str) -> Callable[[Clip], Clip]:
    """Return what gives clips the landmarks that are found on them, or leaves them as drawn."""
    if kind == "drawn":
        return lambda clip: clip
    detector = create_detector(kind)

    def look(clip: Clip) -> Clip:
        frames = list(image_to_frame(clip.images))
        found = detector.detect(frames, [(Path("clip"), 0)] * len(frames), [None] * len(frames))
        return clip._replace(landmarks=torch.from_numpy(found))

    return look


def cast(number: int, frames: int, seed: int, look: Callable[[Clip], Clip]) -> Actor:
    """Draw a person and scene, a motion, and the shape of the face from another motion."""
    person, scene, motion = draw_video(seed, number, 0, 2 * frames, FPS)
    _, other_scene, other_motion = draw_video(seed, number, 1, SHAPE_FRAMES, SHAPE_FPS)
    shape = shape_of(look(draw(person, other_scene, other_motion)))
    return Actor(person, scene, motion[:frames], motion[frames:], shape)


def shape_of(clip: Clip) -> Tensor:
    """Return the shape of a clip's face, (68, 2)."""
    return torch.from_numpy(face_shape(clip.landmarks.numpy()))


def draw(person: Person, scene: Scene, motion: Motion) -> Clip:
    drawn = [render(person, scene, motion[t], SIZE) for t in range(len(motion))]
    frames, landmarks = (np.stack(part) for part in zip(*drawn, strict=True))
    return Clip(normalize(frame_to_image(frames)), torch.from_numpy(landmarks))


def spoil(
    truth: Clip, actor: Actor, other: Actor, rng: np.random.Generator
) -> Iterator[tuple[str, Clip]]:
    """Yield a clip as it is, and spoilt in one way after the other."""
    images = truth.images
    yield "nothing", truth
    for sigma in (1, 2):
        blurred = gaussian_blur(images, 8 * sigma + 1, sigma)
        yield f"blur of {sigma} px", truth._replace(images=blurred)
    noise = torch.from_numpy(rng.normal(0, NOISE, images.shape)).float()
    yield "noise", truth._replace(images=(images + noise).clamp(-1, 1))
    tint = torch.tensor(CAST)[:, None, None]
    yield "colour cast", truth._replace(images=(images + tint).clamp(-1, 1))
    yield f"moved by 1 to {MOVE} px", shaken(truth, rng)
    turned = Motion(**{**vars(actor.motion), "yaw": actor.motion.yaw + TURN})
    yield f"turned by {TURN:.0f}°", draw(actor.person, actor.scene, turned)
    yield "another moment", draw(actor.person, actor.scene, actor.later)
    yield "another person", draw(other.person, other.scene, actor.motion)


def shaken(clip: Clip, rng: np.random.Generator) -> Clip:
    """Move each frame by some whole pixels, anew; its border is repeated."""
    steps = [*range(-MOVE, 0), *range(1, MOVE + 1)]
    moves = rng.choice(steps, (len(clip.images), 2))
    padded = torch.nn.functional.pad(clip.images, 4 * (MOVE,), mode="replicate")
    moved = [
        affine(image, 0, move.tolist(), 1, [0])[:, MOVE:-MOVE, MOVE:-MOVE]
        for image, move in zip(padded, moves, strict=True)
    ]
    return Clip(torch.stack(moved), clip.landmarks + torch.from_numpy(moves).float()[:, None])


Measure = Callable[[Clip, Clip], float]


def measures_at_hand(
    arcface: Path | None,
) -> tuple[dict[str, Measure], Callable[[Tensor], Tensor] | None]:
    """Return what compares two clips, and what describes images for FID, or None.

    Says of each that is missing what it would need.
    """
    measures: dict[str, Measure] = {
        "ssim": lambda a, b: ssim(a.images, b.images).mean().item(),
        "psnr": lambda a, b: psnr(a.images, b.images).mean().item(),
        "l1": lambda a, b: l1(a.images, b.images).mean().item(),
        "landmarks": lambda a, b: landmark_error(a.landmarks, b.landmarks).nanmean().item(),
        "pose": lambda a, b: pose_error(a.landmarks, b.landmarks, SIZE).nanmean().item(),
        "found": lambda a, b: a.landmarks.isfinite().all(-1).all(-1).float().mean().item(),
        "jitter": lambda a, b: landmark_jitter(a.landmarks, b.landmarks).item(),
        "flicker": lambda a, b: flicker(a.images, b.images).item(),
    }
    try:
        lpips = Lpips(load_lpips())
        measures["lpips"] = lambda a, b: lpips(a.images, b.images).mean().item()
    except ValueError as error:
        print(f"without LPIPS: {error}")
    face = FaceDescriptor(load_arcface(arcface) if arcface else load_dlib_resnet())
    measures["csim"] = lambda a, b: cosine(face(*a), face(*b)).nanmean().item()
    if face.same_person is not None:
        measures["recognized"] = lambda a, b: recognized(face, a, b)
    try:
        return measures, load_inception()
    except ValueError as error:
        print(f"without FID: {error}")
        return measures, None


def recognized(face: FaceDescriptor, a: Clip, b: Clip) -> float:
    """Return the share of the faces found that are nearer to the truth's mean than the bound."""
    rows, mean = face.raw(*a), face.raw(*b).nanmean(0, keepdim=True)
    rows = rows[rows.isfinite().all(1)]
    return (distance(rows, mean) < face.same_person).float().mean().item()


def print_table(rows: dict[str, dict[str, float]]) -> None:
    """Print rows of faults and columns of measures as Markdown."""
    columns = [name for name in NAMES if name in rows["nothing"]]
    print("\n| fault | " + " | ".join(NAMES[name] for name in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for fault, row in rows.items():
        cells = (f"{row[name] * (100 if name in PERCENT else 1):.3g}" for name in columns)
        print(f"| {fault} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
