"""VGG19 from a file: as far as it reaches, said, recorded, and used again in fine-tuning."""

import shutil

import pytest
import torch

from tests.runs import assert_one_line, call, call_tiny, log
from training.checkpoint import load


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    """The first three convolutions of a VGG19 of random weights."""
    shapes = {0: (64, 3, 3, 3), 2: (64, 64, 3, 3), 5: (128, 64, 3, 3)}
    state = {}
    for place, shape in shapes.items():
        state[f"features.{place}.weight"] = 0.1 * torch.randn(shape)
        state[f"features.{place}.bias"] = torch.zeros(shape[0])
    path = tmp_path_factory.mktemp("vgg") / "part.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def run(data, part, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "vgg"
    words = ["--content", "vgg+l1", "--face-features", "none", "--steps", 1, "--log-every", 1]
    done = call_tiny(data, run, *words, "--vgg19", part, "--vgg19-convention", "caffe")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 of the paper's 5 layers are compared, relu1_1, relu2_1") == 1
    return run


def test_a_run_notes_the_layers_and_the_weight_of_the_convention(run, part):
    config = load(run, "run")["config"]
    assert config["vgg19_layers"] == ["relu1_1", "relu2_1"]
    assert config["weights"]["vgg19_weight"] == 0.15
    assert config["vgg19"] == str(part)
    (line,) = log(run)
    assert line["vgg19"] > 0 and line["l1"] > 0


def test_a_person_is_learnt_with_the_same_file_or_where_it_lies_now(run, part, data, tmp_path):
    source = sorted(data.rglob("*.pkl"))[0]
    words = ["finetune", "--checkpoint", run, "--source", source, "--shots", 4, "--steps", 1]
    done = call(*words, "--output", tmp_path / "me.pt")
    assert done.returncode == 0, done.stderr
    assert "vgg19 on 2 other pictures:" in done.stdout
    model, moved = tmp_path / "model.pt", tmp_path / "moved.pth"
    assert call("export", "--checkpoint", run, "--output", model).returncode == 0
    words = ["finetune", "--checkpoint", model, "--source", source, "--shots", 4, "--steps", 1]
    words += ["--output", tmp_path / "you.pt"]
    assert_one_line(call(*words), "--vgg19: no file part.pth; --content l1 does without")
    done = call(*words, "--content", "l1")
    assert done.returncode == 0, done.stderr
    assert "l1 on 2 other pictures:" in done.stdout and "vgg19 on" not in done.stdout
    assert load(tmp_path / "you.pt", "head")["config"]["content"] == "l1"
    model_of_pixels = tmp_path / "pixels.pt"
    done = call("export", "--checkpoint", run, "--output", model_of_pixels, "--content", "l1")
    assert done.returncode == 0, done.stderr
    assert call(*words, "--checkpoint", model_of_pixels).returncode == 0
    shutil.copy(part, moved)
    assert call(*words, "--vgg19", moved).returncode == 0


def test_a_run_goes_on_in_the_convention_that_it_was_begun_with(run, part, data):
    words = ["--content", "vgg+l1", "--face-features", "none", "--steps", 2, "--vgg19", part]
    assert_one_line(call_tiny(data, run, *words), "--vgg19-convention: ", "begun with caffe")


@pytest.mark.parametrize(
    ("convention", "weight", "strange"),
    [("torchvision", 0.02, True), ("caffe", 0.02, False), ("caffe", 10, True), ("caffe", 0, False)],
)
def test_a_weight_that_fits_the_other_convention_is_warned_of(
    part, data, tmp_path, convention, weight, strange
):
    words = ["--content", "vgg", "--face-features", "none", "--steps", 0, "--vgg19", part]
    words += ["--vgg19-convention", convention, "--vgg19-weight", weight]
    done = call_tiny(data, tmp_path / "run", *words)
    assert done.returncode == 0, done.stderr
    assert (f"--vgg19-weight {weight:g} fits" in done.stderr) == strange


def test_the_name_of_a_convention_is_no_file_and_the_option_is_named(data, tmp_path):
    done = call_tiny(data, tmp_path / "run", "--content", "vgg", "--vgg19", "caffe")
    assert_one_line(done, "did you mean --vgg19-convention caffe?")
