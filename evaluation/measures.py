"""What is measured on generated frames, and what each measure needs to be at hand."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dataset.detection.detector import LandmarkDetector
from dataset.images import image_to_frame
from metric.detail import detail
from metric.expression import expression_error
from metric.geometry import landmark_error, pose_error
from metric.identity import FaceDescriptor, cosine, distance
from metric.motion import flicker, landmark_jitter
from metric.pixels import l1, psnr
from metric.ssim import ssim

LARGEST_PSNR = 100.0  # dB; equal frames would make every mean infinite


class Measure(NamedTuple):
    """How a number is shown and read."""

    title: str
    higher_is_better: bool
    digits: int
    meaning: str
    instrument: str | None = None
    """A field of `Instruments` of which there is more than one kind."""


MEASURES = {
    "ssim": Measure("SSIM", True, 3, "structural similarity with the true frame, 1: equal"),
    "psnr": Measure("PSNR", True, 2, f"dB against the true frame, at most {LARGEST_PSNR:.0f}"),
    "l1": Measure("L1", False, 4, "mean distance of pixels from the true frame, white - black: 1"),
    "expression": Measure("eyes+mouth", False, 4, "the same around eyes and mouth only"),
    "detail": Measure(
        "detail", True, 3, "fine structure shared with the true frame, 1: all; blur and noise: 0"
    ),
    "lpips": Measure("LPIPS", False, 3, "perceptual distance from the true frame (AlexNet)"),
    "fid": Measure("FID", False, 1, "Frechet distance of Inception features; biased for few"),
    "csim": Measure("CSIM", True, 3, "cosine of identity descriptors, 1: equal", "descriptor"),
    "recognized": Measure(
        "recognized", True, 2, "share of frames within the bound of descriptors of one person",
        "descriptor",
    ),
    "landmark_error": Measure(
        "NME", False, 4,
        "landmarks found, from those found where they drove, over the outer eye distance",
        "detector",
    ),
    "pose_error": Measure(
        "pose", False, 2, "degrees between head poses, mean of three angles", "detector"
    ),
    "jitter": Measure(
        "jitter", False, 4, "movement of found landmarks that did not drive, frame to frame",
        "detector",
    ),
    "flicker": Measure("flicker", False, 4, "change of the pixel error, frame to frame"),
    "faces_found": Measure(
        "found", True, 2, "share of frames in which a face was found", "detector"
    ),
    "leak": Measure(
        "leak", False, 2, "face shape, 0: of the source, 1: of the driver", "detector"
    ),
    "drawn_leak": Measure(
        "leak px", False, 2, "pixels, 0: face shape of the source, 1: of the driver (drawn heads)"
    ),
}  # fmt: skip


class Instruments(NamedTuple):
    """Networks that measure; None where their weights are not at hand."""

    lpips: Callable[[Tensor, Tensor], Tensor] | None = None
    inception: Callable[[Tensor], Tensor] | None = None
    descriptor: FaceDescriptor | None = None
    detector: LandmarkDetector | None = None
    descriptor_file: str | None = None
    """Digest of the descriptor's file, where the user has named it."""

    @property
    def names(self) -> dict[str, str]:
        """What is at hand, for results to say what they were measured with."""
        kinds = {"lpips": "AlexNet", "inception": "Inception 2015-12-05"}
        names = {k: v for k, v in kinds.items() if getattr(self, k) is not None}
        others = {"descriptor": self.descriptor, "detector": self.detector}
        return names | {k: v.name for k, v in others.items() if v is not None}


class Frames:
    """Frames of one video, with what the instruments see in them, looked at once.

    Args:
        images: (F, 3, H, W) in [-1, 1], in the order of time.
        landmarks: (F, 68, 2) float32, pixels: where the face is, or was asked to be, by those who
            made the data.
        instruments: what looks at them.
        batch_size: frames looked at at once.
    """

    def __init__(
        self, images: Tensor, landmarks: np.ndarray, instruments: Instruments, batch_size: int
    ):
        self.images, self.landmarks = images, landmarks
        self.instruments, self.batch_size = instruments, batch_size

    @property
    def points(self) -> Tensor:
        """The landmarks as a tensor (F, 68, 2)."""
        return torch.from_numpy(self.landmarks)

    @cached_property
    @torch.no_grad()
    def descriptors(self) -> Tensor:
        """Identity of each frame: (F, D), of the network's own length."""
        points = self.points.to(self.images.device)
        parts = zip(self.images.split(self.batch_size), points.split(self.batch_size), strict=True)
        return torch.cat([self.instruments.descriptor.raw(*part) for part in parts])

    @cached_property
    @torch.no_grad()
    def features(self) -> Tensor:
        """Inception's features: (F, 2048)."""
        return torch.cat(
            [self.instruments.inception(part) for part in self.images.split(self.batch_size)]
        ).cpu()

    @cached_property
    def found(self) -> Tensor:
        """Landmarks that the detector finds: (F, 68, 2), NaN where it finds no face.

        It is not told where to look, so that it finds what is there.
        """
        found = [
            self.instruments.detector.detect(
                list(image_to_frame(part)), [(None, 0)] * len(part), [None] * len(part)
            )
            for part in self.images.split(self.batch_size)
        ]
        return torch.from_numpy(np.concatenate(found))


@torch.no_grad()
def likeness(output: Frames, truth: Frames) -> dict[str, Tensor]:
    """Compare frames with the true ones by pixels: name -> (F,), one number a frame."""
    a, b = output.images, truth.images
    scores = {
        "ssim": ssim(a, b),
        "psnr": psnr(a, b).clamp(max=LARGEST_PSNR),
        "l1": l1(a, b),
        "expression": expression_error(a, b, truth.points),
        "detail": detail(a, b),
    }
    if output.instruments.lpips is not None:
        size = output.batch_size
        parts = zip(a.split(size), b.split(size), strict=True)
        scores["lpips"] = torch.cat([output.instruments.lpips(*part) for part in parts])
    return scores


def mean_likeness(output: Frames, truth: Frames) -> dict[str, float]:
    """Average `likeness` over the frames that have each number."""
    return {name: value.nanmean().item() for name, value in likeness(output, truth).items()}


def obedience(output: Frames, wanted: Tensor, driving: Tensor) -> dict[str, float]:
    """Compare the landmarks found on frames with what the same detector finds where they came from.

    Two detectors place landmarks a few percent of a face apart; so no other's are compared.

    Args:
        wanted: (F, 68, 2) what would be found on perfect frames.
        driving: (F, 68, 2) what is found on the driver's own, which decide the pose.
    """
    size = output.images.shape[-1]
    return {
        "landmark_error": landmark_error(output.found, wanted).nanmean().item(),
        "pose_error": pose_error(output.found, driving, size).nanmean().item(),
        "jitter": landmark_jitter(output.found, wanted).item(),
        "faces_found": output.found.isfinite().all(-1).all(-1).float().mean().item(),
    }


def identity_kept(output: Frames, source: Frames) -> dict[str, float]:
    """Compare the identity of frames with the mean identity of the pictures learnt from."""
    if output.instruments.descriptor is None:
        return {}
    mean = F.normalize(source.descriptors).mean(dim=0, keepdim=True)
    csim = cosine(output.descriptors, mean.expand_as(output.descriptors)).mean().item()
    return {"csim": csim} | recognition(output, source)


def recognition(output: Frames, person: Frames) -> dict[str, float]:
    """Return the share of frames that are nearer to the person than the descriptor's bound.

    Args:
        person: true frames, whose mean descriptor stands for the person.
    """
    bound = output.instruments.descriptor.same_person
    if bound is None:
        return {}
    mean = person.descriptors.mean(dim=0, keepdim=True)
    near = distance(output.descriptors, mean.expand_as(output.descriptors)) < bound
    return {"recognized": near.float().mean().item()}


def self_reenactment(output: Frames, truth: Frames) -> dict[str, float | None]:
    """Every measure of frames whose truth is known, but FID, which is of many videos.

    Identity is compared frame by frame with the true ones.
    """
    scores = mean_likeness(output, truth)
    if output.instruments.descriptor is not None:
        scores["csim"] = cosine(output.descriptors, truth.descriptors).mean().item()
        scores |= recognition(output, truth)
    if output.instruments.detector is not None:
        scores |= obedience(output, truth.found, truth.found)
    scores["flicker"] = flicker(output.images, truth.images).item()
    return plain(scores)


def plain(scores: dict[str, float]) -> dict[str, float | None]:
    """Shorten numbers for JSON: six digits, None for what is not a number."""
    return {k: float(f"{v:.6g}") if math.isfinite(v) else None for k, v in scores.items()}
