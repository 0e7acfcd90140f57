"""Networks that only draw: what need not be done for every batch is done once."""

import copy
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def folded(network: Network, precision: torch.dtype) -> Network:
    """Copy a network with its spectral norms and casts done once instead of for every batch."""
    network = copy.deepcopy(network).eval().requires_grad_(False)
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                setattr(parent, name, _plain(layer).to(precision))
    return network


def _plain(layer: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    """Rebuild a layer with the weight that it uses.

    PyTorch's `remove_parametrizations` would break the original: copies share its class.
    """
    has_bias = layer.bias is not None
    if isinstance(layer, nn.Linear):
        shape = (layer.in_features, layer.out_features)
        plain = nn.utils.skip_init(nn.Linear, *shape, bias=has_bias)
    else:
        shape = (layer.in_channels, layer.out_channels, layer.kernel_size)
        plain = nn.utils.skip_init(nn.Conv2d, *shape, padding=layer.padding, bias=has_bias)
    plain.weight = nn.Parameter(layer.weight.detach(), requires_grad=False)
    plain.bias = layer.bias
    return plain
