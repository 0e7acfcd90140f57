"""A head ready to draw, and the one that pictures alone make."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dataset.images import frame_to_image, image_to_frame, normalize
from dataset.landmarks import draw_landmarks
from inference.folding import folded
from network.embedder import Embedder
from network.generator import Generator
from network.personal_generator import PersonalGenerator


@torch.no_grad()
def embed_person(
    embedder: Embedder,
    generator: Generator,
    images: Tensor,
    landmark_images: Tensor,
    batch_size: int = 8,
) -> PersonalGenerator:
    """Make a person's head from T pictures, without any training.

    Args:
        embedder, generator: on one device; both are put into eval mode. The head holds this
            generator, not a copy of it.
        images, landmark_images: (T, 3, H, W) uint8, on any device.
        batch_size: pictures embedded at once.

    Returns:
        The head whose style is psi-hat = P e-hat, e-hat being the mean over the pictures.

    Source: Sec. 3.1 of the paper; its feed-forward variant of Sec. 4.
    """
    embedder.eval()
    generator.eval()
    device = next(embedder.parameters()).device
    batches = zip(images.split(batch_size), landmark_images.split(batch_size), strict=True)
    embeddings = [embedder(*(normalize(part.to(device)) for part in batch)) for batch in batches]
    embedding = torch.cat(embeddings).mean(dim=0, keepdim=True)  # (1, N)
    return PersonalGenerator(generator, generator.project(embedding)).eval()


class PreparedHead:
    """A head ready to draw: norms and casts are worked out once; the original stays as it is.

    Args:
        head: of one person.
        image_size: side of the frames, pixels; a multiple of 16.
        device: where to compute; default: where the head is.
        precision: torch.float32, or torch.bfloat16 for autocast.
    """

    def __init__(
        self,
        head: PersonalGenerator,
        image_size: int,
        device: torch.device | str | None = None,
        precision: torch.dtype = torch.float32,
    ):
        self.image_size, self.precision = image_size, precision
        self.device = torch.device(device or head.style.device)
        self._head = folded(head, precision).to(self.device, memory_format=torch.channels_last)

    def __call__(self, landmarks: Sequence[np.ndarray]) -> np.ndarray:
        """Draw one frame for each set of landmarks.

        Args:
            landmarks: (68, 2) each, finite, pixels of a frame of `image_size`.

        Returns:
            (B, image_size, image_size, 3) uint8 RGB.

        Raises:
            ValueError: landmarks of another shape, or not finite.
        """
        drawn = np.stack([draw_landmarks(points, self.image_size) for points in landmarks])
        images = normalize(frame_to_image(drawn).to(self.device))  # (B, 3, H, W)
        images = images.contiguous(memory_format=torch.channels_last)
        autocast = self.precision != torch.float32
        with torch.no_grad(), torch.autocast(self.device.type, self.precision, autocast):
            return image_to_frame(self._head(images))
