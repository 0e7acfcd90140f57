"""Models in ONNX: a head made from pictures, equal to PyTorch's, in a process without PyTorch."""

import itertools

import numpy as np
import onnx
import pytest
import torch

import evaluate
import infer
from dataset.detection.stored import LANDMARKS_SUFFIX
from dataset.images import frame_to_image, normalize, read_image
from dataset.landmarks import draw_landmarks
from dataset.preparation.person import PersonFrames
from dataset.video.reading import probe
from inference.folding import folded
from inference.onnx_export import export_model
from inference.onnx_format import PREFIX, Names
from inference.prepared import embed_person
from network.spectral_norm import spectral_norms
from talking_head.onnx_model import OnnxModel
from tests.conftest import FRAMES, ROOT, call_script
from tests.runs import assert_one_line, call
from tests.talking_head.onnx_files import export, exported_close, infer_without_torch
from training.checkpoint import load, load_models, save_model
from training.models import build_models

# What is left of constants is worked out when a session is opened: 4x4 kernels, of stored ones.
WIDENING = {"Pad", "AveragePool", "Slice", "Transpose", "Mul"}


def lively(*states):
    """Change what a few steps have not moved: attention would not be seen, nor a style."""
    torch.manual_seed(0)
    for name, value in itertools.chain(*(state.items() for state in states)):
        if name.endswith("gamma"):
            value.fill_(0.5)
        elif name == "projection.bias":
            value.normal_()


@pytest.fixture(scope="module")
def model(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("models_in") / "vox.pt"
    payload = load(trained, "run")
    lively(*payload["average"].values())
    save_model(payload, path)
    return path


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "vox.onnx"
    assert "8 pictures" in exported_close(model, path, "model")
    return path


def shown(size, pictures):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (pictures, size, size, 3), dtype=np.uint8)
    points = rng.uniform(0, size, (pictures, 68, 2)).astype(np.float32)
    drawn = np.stack([draw_landmarks(face, size) for face in points])
    return PersonFrames(frames, drawn, points, "whole", "stored")


def assert_like_pytorch(path, embedder, generator, size):
    person = shown(size, 5)
    head = OnnxModel(path, threads=1).head_of(person, batch_size=2)
    expected_head = embed_person(embedder, generator, *map(frame_to_image, person[:2]))
    points = np.random.default_rng(1).uniform(0, size, (100, 68, 2)).astype(np.float32)
    for part in (points[:1], points[1:4], *np.split(points[4:], 12)):  # attention wants memory
        drawn = np.stack([draw_landmarks(face, size) for face in part])
        expected = expected_head.draw(normalize(frame_to_image(drawn))).numpy()
        image = head.image(part)
        assert image.std() > 0.01
        assert np.abs(image - expected).max() < 1e-4
        frames = head.draw(part)
        assert frames.shape == (len(part), size, size, 3) and frames.dtype == np.uint8
        assert np.abs(frames - ((np.moveaxis(image, 1, -1) + 1) * 127.5)).max() <= 0.51


def test_a_hundred_frames_of_a_head_from_pictures_are_those_of_pytorch_whatever_the_batch(
    exported, model
):
    embedder, generator, *_ = load_models(load(model, "model"), model)
    assert_like_pytorch(exported, embedder, generator, 64)


@pytest.mark.slow
@pytest.mark.parametrize("norm_and_attention", [True, False])
@pytest.mark.parametrize("size", [64, 128, 256])
def test_they_are_of_networks_of_every_kind(size, norm_and_attention, tmp_path):
    embedder, generator, *_ = build_models(
        1, image_size=size, channels=8, max_channels=32,
        attention=norm_and_attention, spectral_norm=norm_and_attention,
    )  # fmt: skip
    lively(embedder.state_dict(), generator.state_dict())
    export_model(embedder, generator, size, {"detectors": []}, tmp_path / "vox.onnx")
    assert constant_expressions(onnx.load(tmp_path / "vox.onnx").graph) <= WIDENING
    assert_like_pytorch(tmp_path / "vox.onnx", embedder, generator, size)


def constant_expressions(graph):
    """Name the operations that depend on no input."""
    constant, operations = {weight.name for weight in graph.initializer}, set()
    for node in graph.node:
        if node.input and {*node.input} - {""} <= constant:
            operations.add(node.op_type)
            constant |= {*node.output}
    return operations


def test_folded_networks_have_no_spectral_norm_and_give_the_same(model):
    embedder, generator, *_ = load_models(load(model, "model"), model)
    assert [*spectral_norms(embedder)] and [*spectral_norms(generator)]
    plain = [folded(network, torch.float32) for network in (embedder, generator)]
    assert not [*spectral_norms(*plain)]
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        embedding = embedder.eval()(images, images)
        assert torch.allclose(plain[0](images, images), embedding, atol=1e-5)
        style = generator.project(embedding)
        assert torch.allclose(plain[1].project(embedding), style, atol=1e-5)
        drawn = generator.eval()(images, style)
        assert torch.allclose(plain[1](images, style), drawn, atol=1e-4)


def test_the_file_tells_what_a_model_is_and_wants(exported):
    model = onnx.load(exported)
    onnx.checker.check_model(model)
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told[f"{PREFIX}kind"] == '"talking-head model"'
    assert told[f"{PREFIX}image_size"] == "64"
    lengths = {
        value.name: value.type.tensor_type.shape.dim[0].dim_param
        for value in (*model.graph.input, *model.graph.output)
    }
    of_pictures = {Names.PICTURES, Names.PICTURE_LANDMARKS, Names.PICTURE_STYLES}
    assert {name for name, length in lengths.items() if length == "pictures"} == of_pictures
    assert {name for name, length in lengths.items() if length == "batch"} == {
        Names.LANDMARKS, Names.STYLE, Names.FRAMES, Names.IMAGE,
    }  # fmt: skip
    for name in lengths:
        assert f"{name}: " in told[f"{PREFIX}input"] + told[f"{PREFIX}output"]
    assert not any(str(ROOT) in value for value in told.values()), "no folder of this machine"


def test_a_head_is_made_and_animated_where_importing_pytorch_is_forbidden(
    exported, heads, tmp_path
):
    first, second = sorted(heads.rglob("*.mp4"))[:2]
    done = infer_without_torch(
        "--checkpoint", exported, "--source", first, "--driving", second, "--detector", "stored",
        "--motion", "retargeted", "--output", tmp_path / "me.mp4",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert probe(tmp_path / "me.mp4").frames == FRAMES


def test_infer_draws_the_same_with_it_as_with_the_model(exported, model, heads, data, tmp_path):
    clip = sorted(heads.rglob("*.mp4"))[0]
    np.save(tmp_path / "moves.npy", np.load(clip.with_suffix(LANDMARKS_SUFFIX)))
    frames = {}
    for kind, checkpoint in (("onnx", exported), ("pt", model)):
        words = ["--checkpoint", checkpoint, "--source", sorted(data.rglob("*.pkl"))[1]]
        words += ["--driving", tmp_path / "moves.npy", "--output", tmp_path / kind]
        words += ["--crop", "face"]
        done = call_script(infer.main, "infer.py", *words, "--precision", "float32")
        assert done.returncode == 0, done.stderr
        frames[kind] = np.stack([*map(read_image, sorted((tmp_path / kind).iterdir()))])
    assert len(frames["onnx"]) == FRAMES
    assert np.abs(frames["onnx"].astype(int) - frames["pt"]).max() <= 1


def test_pictures_are_embedded_once_and_nothing_of_them_is_computed_for_a_frame(
    exported, monkeypatch
):
    model = OnnxModel(exported)
    lengths = []
    run = model._session.run

    def noted(outputs, inputs):
        lengths.append({name: len(value) for name, value in inputs.items()})
        return run(outputs, inputs)

    monkeypatch.setattr(model, "_session", type("Session", (), {"run": staticmethod(noted)}))
    head = model.head_of(shown(64, 3), batch_size=2)
    head.draw(np.ones((2, 68, 2)))
    head.draw(np.ones((1, 68, 2)))
    of_pictures = [(each[Names.PICTURES], each[Names.PICTURE_LANDMARKS]) for each in lengths]
    of_frames = [(each[Names.LANDMARKS], each[Names.STYLE]) for each in lengths]
    assert of_pictures == [(2, 2), (1, 1), (0, 0), (0, 0)]
    assert of_frames == [(0, 0), (0, 0), (2, 2), (1, 1)]


def test_careless_use_of_a_model_in_onnx_is_one_line(exported, trained, data, heads, tmp_path):
    pickle = sorted(data.rglob("*.pkl"))[0]
    moves = sorted(heads.rglob(f"*{LANDMARKS_SUFFIX}"))[0]

    def animate(checkpoint, *source):
        words = ["--checkpoint", checkpoint, "--driving", moves, "--output", tmp_path / "me.mp4"]
        return call_script(infer.main, "infer.py", *words, *source)

    assert_one_line(animate(exported), f"{exported} is a model, which knows no person", "--source")
    (tmp_path / "torn.onnx").write_bytes(exported.read_bytes()[:5000])
    done = animate(tmp_path / "torn.onnx", "--source", pickle)
    assert_one_line(done, "torn.onnx is not a whole file of ONNX")
    model = onnx.load(exported)
    for key in ("style_size", "kind"):
        kept = [entry for entry in model.metadata_props if entry.key != f"{PREFIX}{key}"]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        onnx.save(model, tmp_path / "strange.onnx")
        done = animate(tmp_path / "strange.onnx", "--source", pickle)
        assert_one_line(done, "strange.onnx is no talking-head model of this library", key)
    words = ["--source", pickle, "--output", tmp_path / "me.pt"]
    done = call("finetune", "--checkpoint", exported, *words)
    assert_one_line(done, f"{exported} is not a whole checkpoint", "it begins as ONNX does")
    words = ["--checkpoint", exported, "--data", data, "--output", tmp_path / "results"]
    done = call_script(evaluate.main, "evaluate.py", *words, "--detector", "none")
    assert_one_line(done, f"{exported} is not a whole checkpoint", "it begins as ONNX does")
    done = export(trained, tmp_path / "vox.onnx", "--content", "l1")
    assert_one_line(done, "--content is for")
    assert {path.name for path in tmp_path.iterdir()} == {"torn.onnx", "strange.onnx"}
