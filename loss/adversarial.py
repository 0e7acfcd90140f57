"""The adversarial, feature-matching and matching losses (Sec. 3.2 of the paper, Eq. 3 to 5)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from loss.distance import mean_distance


def discriminator_loss(real_score: Tensor, fake_score: Tensor) -> Tensor:
    """Hinge loss of the discriminator, L_DSC: mean relu(1 + D(fake)) + mean relu(1 - D(real)).

    Args:
        real_score, fake_score: (B,) raw scores.

    Source: Eq. 5.
    """
    return F.relu(1 + fake_score).mean() + F.relu(1 - real_score).mean()


def adversarial_loss(fake_score: Tensor) -> Tensor:
    """What the generator gains from a high score: -mean D(fake), the first term of L_ADV.

    Source: Eq. 3.
    """
    return -fake_score.mean()


def feature_matching_loss(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean L1 distance between the discriminator's maps of a fake and a real image, L_FM.

    Args:
        fake, real: maps (B, C, H, W) of the same shapes, one per block; `real` gets no gradient.

    Source: Sec. 3.2, the second term of Eq. 3. The mean over the maps is the authors' code's.
    """
    return torch.stack([mean_distance(*maps) for maps in zip(fake, real, strict=True)]).mean()


def matching_loss(embedding: Tensor, rows: Tensor) -> Tensor:
    """L1 distance between embeddings and the rows of W of their videos, L_MCH.

    Args:
        embedding, rows: (B, N); `rows` gets no gradient.

    Source: Sec. 3.2. Differs from the paper: only the embedder is pulled, as in the authors' code.
    """
    return mean_distance(embedding, rows)
