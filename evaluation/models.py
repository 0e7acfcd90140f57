"""The models that are compared, and what each draws of a stranger."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from dataset.images import normalize
from evaluation.protocol import Pictures
from loss.content import ContentLoss, with_content
from network.personal_generator import PersonalGenerator
from training.checkpoint import load, load_models
from training.finetuning import PAPER_BATCH, Learning, finetune, initial_person
from training.hardware import Hardware
from training.steps import Person, term_weights

RESCALE = 2.0  # as `train.py finetune` has it


class Contestant(NamedTuple):
    """A model of a run, ready to meet strangers."""

    name: str
    """As the user named its run or checkpoint."""
    digest: str
    """Of everything that its answers depend on."""
    payload: Mapping[str, Any]
    content_loss: ContentLoss
    """What fine-tuning learns by; it goes on with what training used, or as the user says."""

    @property
    def image_size(self) -> int:
        """Side of its images, pixels."""
        return self.payload["config"]["networks"]["image_size"]

    @property
    def seen(self) -> list[str]:
        """Ids of the videos that it was trained on."""
        return self.payload["videos"]

    def meet(self, pictures: Pictures, hardware: Hardware) -> Person:
        """Make the feed-forward head of a person, with what fine-tuning needs beside it."""
        models = load_models(self.payload, Path(self.name)).to(hardware.device)
        shown = to_device(pictures, hardware)
        return initial_person(models, *shown, self.payload["mean_row_norm"], RESCALE)

    def study(
        self,
        person: Person,
        pictures: Pictures,
        steps: int | str | None,
        seed: int,
        hardware: Hardware,
        after_step: Callable[[int], None] | None = None,
    ) -> int:
        """Fine-tune a person on pictures, in place.

        Args:
            steps: generator updates; None: the paper's 40 epochs; auto: until pictures kept aside
                are drawn no better.
            seed: draws the batches.
            after_step: called with the number of steps done, after each.

        Returns:
            The steps done.
        """
        trained = self.payload["config"]
        learning = Learning.as_trained(trained["optimization"], steps, PAPER_BATCH, seed)
        shown = to_device(pictures, hardware)
        weights = term_weights(trained["weights"])
        return finetune(
            person, *shown, self.content_loss, weights, learning, hardware, progress=False,
            after_step=after_step,
        )  # fmt: skip


def load_contestant(
    path: Path,
    load_content: Callable[[Mapping[str, Any]], ContentLoss],
    hardware: Hardware,
    content: str | None = None,
) -> Contestant:
    """Load a run's newest checkpoint, or the one or the exported model that is named.

    Args:
        load_content: makes the content loss of a run's configuration.
        content: what fine-tuning compares images by, where not as in training.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is neither of a run nor a model.
    """
    payload = load(path, "run", "model")
    payload["config"] = with_content(payload["config"], content)
    content_loss = load_content(payload["config"])
    digest = _digest(payload, content_loss)
    content_loss.place(hardware.device, hardware.dtype)
    return Contestant(str(path), digest, payload, content_loss)


def draw(
    head: PersonalGenerator, landmark_images: Tensor, batch_size: int, hardware: Hardware
) -> Tensor:
    """Draw landmark images (F, 3, H, W) uint8 as images of the same shape in [-1, 1].

    Raises:
        FloatingPointError: pixels are not finite.
    """
    drawn = []
    with parametrize.cached(), hardware.autocast():  # spectral norms are worked out once
        for part in landmark_images.split(batch_size):
            drawn.append(head.draw(normalize(part.to(hardware.device))).float())
    images = torch.cat(drawn)
    if not images.isfinite().all():
        raise FloatingPointError("the model draws pixels that are not finite")
    return images


def to_device(pictures: Pictures, hardware: Hardware) -> tuple[Tensor, Tensor]:
    """Bring images and landmark images to the device, in [-1, 1]."""
    device = hardware.device
    return normalize(pictures.images.to(device)), normalize(pictures.landmark_images.to(device))


def _digest(payload: Mapping[str, Any], content_loss: ContentLoss) -> str:
    """Hash the networks and settings of a run, and what it learns by; optimisers do not count."""
    networks = {**payload["networks"], **payload["average"]}
    config = payload["config"]
    settings = [config[name] for name in ("networks", "optimization", "weights", "content")]
    digest = hashlib.sha256(repr([*settings, payload["mean_row_norm"]]).encode())
    states = {name: networks[name] for name in ("embedder", "generator", "discriminator")}
    states |= {name: loss.features.state_dict() for name, loss in content_loss.perceptual.items()}
    for name, state in states.items():
        for key, value in state.items():
            digest.update(f"{name}.{key}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
