"""ArcFace: a small network in ONNX with its layers; files that are none."""

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

from metric.alignment import align_faces
from metric.identity import FaceDescriptor, cosine
from pretrained.arcface import load_arcface
from system.missing import MissingWeights
from tests.metric.conftest import face, spots
from tests.metric.test_alignment import FRAMING


def write_arcface(path, batch: int | str = 1, size: int = 112, seed: int = 0) -> None:
    """Write a network with the layers of ArcFace's: convolutions, PReLU, batch norm, a sum."""
    rng = np.random.default_rng(seed)

    def weights(name: str, *shape: int, offset: float = 0.0) -> onnx.TensorProto:
        values = rng.normal(0, 0.3, shape) + offset
        return numpy_helper.from_array(values.astype(np.float32), name)

    def norm(name: str, channels: int) -> list[onnx.TensorProto]:
        parts = ("scale", "bias", "mean", "var")
        return [weights(f"{name}_{part}", channels, offset=2 * (part == "var")) for part in parts]

    side = -(-size // 16)
    initializers = [
        weights("w1", 4, 3, 3, 3), weights("slope", 4, 1, 1), weights("w2", 4, 4, 3, 3),
        weights("fc", 16, 4 * side * side), weights("fc_bias", 16),
        *norm("n1", 4), *norm("n2", 16),
    ]  # fmt: skip
    strides, padding = {"strides": [4, 4]}, {"pads": [1, 1, 1, 1]}
    norms = {
        name: [f"{name}_{p}" for p in ("scale", "bias", "mean", "var")] for name in ("n1", "n2")
    }
    nodes = [
        helper.make_node("Conv", ["face", "w1"], ["c1"], kernel_shape=[3, 3], **strides, **padding),
        helper.make_node("BatchNormalization", ["c1", *norms["n1"]], ["b1"]),
        helper.make_node("PRelu", ["b1", "slope"], ["p1"]),
        helper.make_node("Conv", ["p1", "w2"], ["c2"], kernel_shape=[3, 3], **padding),
        helper.make_node("Add", ["p1", "c2"], ["sum"]),
        helper.make_node("AveragePool", ["sum"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["small"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc", "fc_bias"], ["g"], transB=1),
        helper.make_node("BatchNormalization", ["g", *norms["n2"]], ["descriptor"]),
    ]  # fmt: skip
    shapes = {"face": [batch, 3, size, size], "descriptor": [batch, 16]}
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
    graph = helper.make_graph(nodes, "arcface", ends[:1], ends[1:], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def run_by_torch(path, x: torch.Tensor) -> torch.Tensor:
    """Do what the file of `write_arcface` says."""
    w = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(path).graph.initializer
    }

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.batch_norm(x, *(w[f"{name}_{part}"] for part in ("mean", "var", "scale", "bias")))

    x = F.prelu(norm(F.conv2d(x, w["w1"], stride=4, padding=1), "n1"), w["slope"].flatten())
    x = F.avg_pool2d(x + F.conv2d(x, w["w2"], padding=1), 4)
    return norm(F.linear(x.flatten(1), w["fc"], w["fc_bias"]), "n2")


@pytest.mark.parametrize("batch", [1, "None"])
def test_arcface_describes_aligned_faces_as_its_file_says(tmp_path, batch):
    path = tmp_path / "arcface.onnx"
    write_arcface(path, batch)
    images, landmarks = spots(0, 3), torch.cat([face(seed) for seed in range(3)])
    rows = FaceDescriptor(load_arcface(path))(images, landmarks)

    pixels = 255 * (align_faces(images, landmarks, FRAMING) + 1) / 2
    expected = run_by_torch(path, (pixels - 127.5) / 127.5)
    expected = expected / expected.norm(dim=1, keepdim=True)
    assert cosine(expected[:1], expected[1:2]).item() < 0.99
    torch.testing.assert_close(rows, expected, atol=1e-5, rtol=0)


def test_arcface_without_a_face_is_missing(tmp_path):
    write_arcface(tmp_path / "arcface.onnx")
    landmarks = torch.cat([face(0), face(1)])
    landmarks[0] = torch.nan
    rows = FaceDescriptor(load_arcface(tmp_path / "arcface.onnx"))(spots(0, 2), landmarks)
    assert rows[0].isnan().all()
    assert rows[1].norm().item() == pytest.approx(1)


def test_a_missing_arcface_is_named_with_the_pack_that_has_it(tmp_path):
    with pytest.raises(MissingWeights, match=r"no file .*gone.onnx: take w600k_r50.onnx .*buffalo"):
        load_arcface(tmp_path / "gone.onnx")


def test_what_is_no_arcface_is_refused(tmp_path):
    (tmp_path / "text.onnx").write_bytes(b"<html>404</html>")
    with pytest.raises(ValueError, match=r"text.onnx is not an ONNX file"):
        load_arcface(tmp_path / "text.onnx")
    write_arcface(tmp_path / "large.onnx", size=224)
    with pytest.raises(ValueError, match=r"large.onnx .*112 px"):
        load_arcface(tmp_path / "large.onnx")
    node = helper.make_node("Relu", ["face"], ["map"])
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 112, 112])
        for name in ("face", "map")
    ]
    graph = helper.make_graph([node], "images", ends[:1], ends[1:])
    opset = [helper.make_opsetid("", 11)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=6), tmp_path / "images.onnx")
    with pytest.raises(ValueError, match=r"images.onnx must give one descriptor"):
        load_arcface(tmp_path / "images.onnx")
