"""VGG networks as frozen feature extractors; which one, and from where, says the file of each."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from system.resizing import downsample
from system.weights import wanted_weights


class Input(NamedTuple):
    """How a network wants its pixels: (scale * x01 - mean) / std, in its channel order."""

    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool


class VGGFeatures(nn.Module):
    """Activations of a frozen VGG after chosen ReLUs; its max-pools are average pools.

    Args:
        layers: `features` of a torchvision VGG.
        tapped: indices into `layers` whose outputs are returned.
        pixels: the network's input convention.

    Differs from the paper, which is silent: average pooling, as in both authors' later code.
    """

    def __init__(self, layers: nn.Sequential, tapped: tuple[int, ...], pixels: Input):
        super().__init__()
        self.tapped = tapped
        self.pixels = pixels
        self.layers = nn.Sequential(*(_frozen_layer(layers[i]) for i in range(max(tapped) + 1)))
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(pixels.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(pixels.std)[:, None, None])

    def preprocess(self, image: Tensor) -> Tensor:
        """From [-1, 1] RGB to what the network was trained on."""
        x = self.pixels.scale * (image.float() + 1) / 2
        x = x.flip(-3) if self.pixels.bgr else x
        return (x - self.mean) / self.std

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the tapped activations of images (B, 3, H, W) in [-1, 1]."""
        x = self.preprocess(image)
        activations = []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in self.tapped:
                activations.append(x)
        return activations


def convolutions(
    architecture: Callable[..., nn.Module],
    state: dict[str, Tensor],
    source: object,
    depth: int | None = None,
) -> nn.Sequential:
    """Make the `features` of a torchvision VGG from weights.

    Args:
        architecture: torchvision's vgg16 or vgg19.
        state: `features.*` by torchvision's names, and what else the file holds.
        source: where they come from, for the message.
        depth: the first so many layers alone; None: all.

    Raises:
        ValueError: a weight is missing, has another shape, or no place in the network.
    """
    with torch.device("meta"):  # its own first weights would take seconds
        whole = architecture(weights=None, init_weights=False).features
    places = whole.state_dict(prefix="features.")
    strange = sorted(name for name in state if name.startswith("features.") and name not in places)
    if strange:
        kind = architecture.__name__.upper()
        raise ValueError(f"{source} has {strange[0]}, which {kind} has not: another network's file")
    features = whole[:depth]
    wanted = features.state_dict(prefix="features.")
    given = wanted_weights(state, wanted, source)
    bare = {name.removeprefix("features."): weight for name, weight in given.items()}
    features.load_state_dict(bare, assign=True)
    return features


def _frozen_layer(layer: nn.Module) -> nn.Module:
    if isinstance(layer, nn.MaxPool2d):
        return _AveragePool()
    if isinstance(layer, nn.ReLU):
        return nn.ReLU()  # out of place: a tapped activation is not overwritten
    return layer


class _AveragePool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return downsample(x)
