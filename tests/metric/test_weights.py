"""Weights are found, fetched or asked for; never made up."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import nn

from metric.inception import load_inception
from metric.perceptual import load_lpips
from metric.weights import MissingWeights, hub_file, read_weights

URL = "https://example.org/models/small-0123abcd.pth"


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


def test_a_file_in_the_hub_is_taken_as_it_is(hub):
    (hub / "small-0123abcd.pth").write_bytes(b"here")
    assert hub_file(URL) == hub / "small-0123abcd.pth"


def test_a_missing_file_is_downloaded_to_its_place_and_checked(hub, monkeypatch):
    asked = []
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *x: asked.append(x))
    monkeypatch.setenv("TORCH_HOME", str(hub / "not" / "there"))
    path = hub_file(URL)
    assert path.parent.is_dir()
    assert asked == [(URL, str(path), "0123abcd")]


@pytest.mark.parametrize("error", [OSError("unreachable"), RuntimeError("invalid hash value")])
def test_what_cannot_be_had_is_asked_for_in_one_line(hub, monkeypatch, error):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(MissingWeights) as refusal:
        hub_file(URL)
    message = str(refusal.value)
    assert "\n" not in message
    for part in ("small-0123abcd.pth", URL, str(hub), str(error)):
        assert part in message


def test_tensors_are_read(tmp_path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "good.pth")
    assert read_weights(tmp_path / "good.pth")["weight"].tolist() == [1, 1]


class Hostile:
    def __reduce__(self):
        return print, ("this must never run",)


@pytest.mark.parametrize("content", ["empty", "nonsense", "hostile"])
def test_other_files_are_refused_and_never_run(tmp_path, content, capsys):
    path = tmp_path / "bad.pth"
    if content == "hostile":
        torch.save(Hostile(), path)
    else:
        path.write_bytes(b"" if content == "empty" else b"<html>404</html>")
    with pytest.raises(ValueError, match=r"bad.pth is not a file of weights"):
        read_weights(path)
    assert capsys.readouterr().out == ""


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
