"""Networks whose weights others have published: missing, of another network, hostile."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import nn

from pretrained.inception import load_inception
from pretrained.lpips import load_lpips
from system.missing import MissingWeights


class Published(NamedTuple):
    """A network whose weights others have published."""

    load: Callable[[], nn.Module]
    name: str
    file: str
    address: str
    module: str
    package: str


@pytest.fixture(
    params=[
        Published(
            load_lpips, "AlexNet", "alexnet-owt-7be5be79.pth", "download.pytorch.org/models/",
            "torchmetrics.image.lpip", "torchmetrics",
        ),
        Published(
            load_inception, "Inception", "weights-inception-2015-12-05-6726825d.pth",
            "torch-fidelity/releases/.*/", "torch_fidelity", "torch-fidelity",
        ),
    ],
    ids=lambda published: published.name,
)  # fmt: skip
def published(request) -> Published:
    return request.param


def test_missing_weights_are_named_with_their_address(hub, published):
    with pytest.raises(MissingWeights, match=f"{published.address}{published.file}"):
        published.load()


def test_another_networks_weights_are_refused(hub, published):
    torch.save({"weight": torch.zeros(1)}, hub / published.file)
    with pytest.raises(ValueError, match=f"another network than {published.name}"):
        published.load()


def test_a_hostile_file_never_runs(hub, published, capsys):
    (hub / published.file).write_bytes(b"cbuiltins\nprint\n(S'it ran'\ntR.")
    with pytest.raises(ValueError, match="not a file of weights"):
        published.load()
    assert "it ran" not in capsys.readouterr().out


def test_a_missing_package_is_named(hub, published, monkeypatch):
    monkeypatch.setitem(sys.modules, published.module, None)
    with pytest.raises(ValueError, match=f"pip install {published.package}"):
        published.load()
