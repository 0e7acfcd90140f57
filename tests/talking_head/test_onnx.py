"""Heads in ONNX: equal to PyTorch's, told of in their metadata, run without PyTorch."""

import sys

import numpy as np
import onnx
import pytest
import torch

import infer
from dataset.detection.stored import LANDMARKS_SUFFIX
from dataset.images import frame_to_image, normalize
from dataset.landmarks import draw_landmarks
from dataset.video.reading import probe, stream_frames
from inference.onnx_export import export_head
from inference.onnx_format import PREFIX
from network.personal_generator import PersonalGenerator
from talking_head.onnx import OnnxHead
from tests.conftest import FRAMES, ROOT, call_script
from tests.runs import assert_one_line
from tests.talking_head.onnx_files import export, exported_close, infer_without_torch
from training.checkpoint import Head, save_head
from training.models import build_models

FACTS = {"crop": "face", "detectors": ["dlib"], "landmarks": np.ones((2, 68, 2)).tolist()}


def made(size=64, **networks):
    torch.manual_seed(0)
    networks = {"image_size": size, "channels": 8, "max_channels": 32, **networks}
    generator = build_models(1, **networks).generator
    network = PersonalGenerator(generator, torch.randn(1, generator.style_size)).eval()
    points = np.random.default_rng(0).uniform(0, size, (3, 68, 2)).astype(np.float32)
    return Head(network, {"networks": networks}, "whole", points, "stored")


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    path = tmp_path_factory.mktemp("heads_in") / "me.pt"
    save_head(made(attention=False, spectral_norm=False), path)
    return path


@pytest.fixture(scope="module")
def exported(head, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "me.onnx"
    exported_close(head, path, "head")
    return path


@pytest.mark.parametrize(
    ("size", "norm_and_attention"),
    [
        (64, True),
        *(
            pytest.param(size, both, marks=pytest.mark.slow)
            for size, both in ((64, False), (128, True), (128, False), (256, True), (256, False))
        ),
    ],
)
def test_a_hundred_frames_are_those_of_pytorch_whatever_the_batch(
    size, norm_and_attention, tmp_path
):
    head = made(size, attention=norm_and_attention, spectral_norm=norm_and_attention)
    export_head(head.network, size, FACTS, tmp_path / "me.onnx")
    drawn = OnnxHead(tmp_path / "me.onnx", threads=1)
    points = np.random.default_rng(1).uniform(0, size, (100, 68, 2)).astype(np.float32)
    for part in (points[:1], points[1:4], *np.split(points[4:], 12)):  # attention wants memory
        images = np.stack([draw_landmarks(face, size) for face in part])
        expected = head.network.draw(normalize(frame_to_image(images))).numpy()
        image = drawn.image(part)
        assert image.std() > 0.01
        assert np.abs(image - expected).max() < 1e-4
        frames = drawn.draw(part)
        assert frames.shape == (len(part), size, size, 3) and frames.dtype == np.uint8
        assert np.abs(frames - ((np.moveaxis(image, 1, -1) + 1) * 127.5)).max() <= 0.51


def test_the_file_tells_what_it_is_and_wants(exported):
    model = onnx.load(exported)
    onnx.checker.check_model(model)
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told[f"{PREFIX}kind"] == '"talking head"'
    assert told[f"{PREFIX}image_size"] == "64"
    assert '"rgb": [255, 0, 255]' in told[f"{PREFIX}parts"]
    assert "uint8" in told[f"{PREFIX}input"] and "uint8" in told[f"{PREFIX}output"]
    (graph_input,) = model.graph.input
    batch, *shape = graph_input.type.tensor_type.shape.dim
    assert batch.dim_param and [side.dim_value for side in shape] == [64, 64, 3]
    stored = {*told.values()}
    assert not any(str(ROOT) in value for value in stored), "no folder of this machine"


def test_a_head_in_onnx_is_animated_where_importing_pytorch_is_forbidden(exported, heads, tmp_path):
    clip = sorted(heads.rglob("*.mp4"))[0]
    words = ["--checkpoint", exported, "--driving", clip, "--detector", "stored"]
    words += ["--motion", "retargeted", "--output", tmp_path / "me.mp4"]
    done = infer_without_torch(*words)
    assert done.returncode == 0, done.stderr
    assert probe(tmp_path / "me.mp4").frames == FRAMES


def test_infer_draws_the_same_with_it_as_with_the_head(exported, head, heads, tmp_path):
    clip = sorted(heads.rglob("*.mp4"))[0]
    moves = np.load(clip.with_suffix(LANDMARKS_SUFFIX))
    np.save(tmp_path / "moves.npy", moves)
    frames = {}
    for kind, checkpoint in (("onnx", exported), ("pt", head)):
        words = ["--checkpoint", checkpoint, "--driving", tmp_path / "moves.npy", "--crop", "face"]
        words += ["--output", tmp_path / f"{kind}.mp4", "--precision", "float32"]
        done = call_script(infer.main, "infer.py", *words)
        assert done.returncode == 0, done.stderr
        frames[kind] = np.stack(list(stream_frames(tmp_path / f"{kind}.mp4"))).astype(int)
    assert np.abs(frames["onnx"] - frames["pt"]).mean() < 0.5


def test_careless_use_of_onnx_is_one_line(exported, head, data, tmp_path):
    assert_one_line(export(head, tmp_path / "me.pt"), "--output", ".onnx")
    assert_one_line(export(head, tmp_path / "me.onnx", "--content", "l1"), "--content is for")
    assert not list(tmp_path.iterdir())
    driver = ["--driving", sorted(data.rglob("*.pkl"))[0], "--output", tmp_path / "me.mp4"]
    (tmp_path / "torn.onnx").write_bytes(exported.read_bytes()[:5000])
    done = call_script(infer.main, "infer.py", "--checkpoint", tmp_path / "torn.onnx", *driver)
    assert_one_line(done, "torn.onnx is not a whole file of ONNX")
    model = onnx.load(exported)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "strange.onnx")
    done = call_script(infer.main, "infer.py", "--checkpoint", tmp_path / "strange.onnx", *driver)
    assert_one_line(done, "strange.onnx is no talking head of this library")
    done = call_script(infer.main, "infer.py", "--checkpoint", exported, "--source", data, *driver)
    assert_one_line(done, "knows its person: --source is for a run")


def test_a_package_that_is_missing_is_named(exported, head, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"needs one more package: pip install onnxruntime$"):
        OnnxHead(exported)
    monkeypatch.setattr("inference.onnx_export.find_spec", lambda package: None)
    assert_one_line(export(head, tmp_path / "me.onnx"), "pip install onnx onnxscript")
    assert not (tmp_path / "me.onnx").exists()
