"""Networks of face-alignment without its weights: random ones, and ones that say where faces are.

For tests and measurements alike.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dataset.detection.face_alignment import WEIGHTS, FaceAlignmentDetector
from tests.dataset.conftest import face_points

COARSE = ("fc7", "conv6_2", "conv7_2")  # S3FD's maps with strides of 32, 64 and 128 pixels
HEADS = ("conv3_3_norm", "conv4_3_norm", "conv5_3_norm", *COARSE)
WIDTH, HEIGHT = face_points(0, 0, 1).max(0) - face_points(0, 0, 1).min(0)


def random_weights(home: Path, seed: int = 0) -> None:
    """Write random weights into a torch hub folder, HOME/hub/checkpoints, under the real names.

    S3FD then sees a few faces of various sizes on any picture, and more that it takes for
    unlikely; FAN's points mean nothing.
    """
    from face_alignment.api import FAN
    from face_alignment.detection.sfd.net_s3fd import s3fd

    torch.manual_seed(seed)
    finder, aligner = s3fd(), FAN(4)
    _vary_faces(finder)
    folder = Path(home) / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    for url, network in zip(WEIGHTS, (finder, aligner), strict=True):
        torch.save(network.state_dict(), folder / Path(url).name)


@torch.no_grad()
def _vary_faces(finder: nn.Module) -> None:
    """Draw S3FD such that its boxes and scores depend on the picture."""
    for layer in finder.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    outputs = finder(torch.randn(1, 3, 96, 96) * 60)
    for name, logits, moves in zip(HEADS, outputs[::2], outputs[1::2], strict=True):
        confidence, location = (getattr(finder, f"{name}_mbox_{kind}") for kind in ("conf", "loc"))
        confidence.weight /= logits.std()
        location.weight /= moves.std() / 1.5
        confidence.bias.zero_()
        confidence.bias[-1] = -1.3 if name in COARSE else -6.0  # the last output is for a face


@torch.no_grad()
def shift_scores(finder: nn.Module, logit: float) -> None:
    """Make S3FD see more faces, or fewer."""
    for name in HEADS:
        getattr(finder, f"{name}_mbox_conf").bias[-1] += logit


def shorten(detector: FaceAlignmentDetector, hourglasses: int = 1) -> None:
    """Let FAN end after so many hourglasses of its stack of four, which is faster.

    With none it has no output, and is only good for saying something.
    """
    detector.networks.face_alignment_net.num_modules = hourglasses


def say_faces(detector: FaceAlignmentDetector, size: float = 0.5) -> None:
    """Let the networks do all their work and then say what is plausible.

    S3FD says one face in the middle of each frame. FAN says the 68 points of a plain face that
    fills the box it is given, and is sure of them, so that faces can be followed.

    Args:
        detector: is changed.
        size: of the face, as a part of the frame's shorter side.
    """
    networks = detector.networks
    networks.face_detector.face_detector = _SayingFinder(networks.face_detector.face_detector, size)
    networks.face_alignment_net = _SayingAligner(networks.face_alignment_net)


class _SayingFinder(nn.Module):
    def __init__(self, network: nn.Module, size: float):
        super().__init__()
        self.network, self.size = network, size

    def forward(self, pictures: Tensor) -> list[Tensor]:
        maps = self.network(pictures)
        for logits in maps[::2]:
            logits[:, 0], logits[:, 1] = 9.0, -9.0
        height, width = pictures.shape[2:]
        face = min(height, width) * self.size
        row, column = maps[0].shape[2] // 2, maps[0].shape[3] // 2
        maps[0][:, :, row, column] = torch.tensor([-9.0, 9.0], device=pictures.device)
        # The first map's stride is 4 pixels, its prior boxes have 16, the variances are 0.1, 0.2.
        move = [
            (width / 2 - (2 + 4 * column)) / 1.6,
            (height / 2 - (2 + 4 * row)) / 1.6,
            np.log(face * WIDTH / 16) / 0.2,
            np.log(face * HEIGHT / 16) / 0.2,
        ]
        maps[1][:, :, row, column] = torch.tensor(move, device=pictures.device).float()
        return maps


class _SayingAligner(nn.Module):
    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.register_buffer("said", torch.from_numpy(_template_heatmaps()), persistent=False)

    def forward(self, crops: Tensor) -> list[Tensor]:
        outputs = self.network(crops)
        said = self.said.to(outputs[-1] if outputs else crops)
        return [*outputs[:-1], said.expand(len(crops), -1, -1, -1).clone()]


def _template_heatmaps() -> np.ndarray:
    """Return (1, 68, 64, 64): a peak of 1 at each point of a face, as FAN sees it in its crop."""
    from face_alignment.utils import CENTER_Y_OFFSET, REFERENCE_SCALE, SCALE_FACTOR

    points = face_points(0, 0, 1)
    points -= (points.min(0) + points.max(0)) / 2
    points[:, 1] += HEIGHT * CENTER_Y_OFFSET
    side = SCALE_FACTOR / REFERENCE_SCALE * (WIDTH + HEIGHT)
    places = points / side * 64 + 31.5 + 0.2  # without 0.2 a face that is followed wanders off
    rows, columns = np.mgrid[:64, :64]
    maps = [np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2) for x, y in places]
    return np.stack([heat / heat.max() for heat in maps])[None].astype(np.float32)
