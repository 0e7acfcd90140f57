"""Careless use of train.py ends in one line, and harms nothing."""

import os

import torch

from tests.conftest import run_script
from tests.runs import assert_one_line, call, call_tiny


def test_a_batch_that_cannot_be_divided_equally_is_refused(data, tmp_path):
    done = call_tiny(data, tmp_path / "run", "--batch-size", 4, "--accumulate", 3)
    assert done.returncode == 2
    assert "--accumulate must divide --batch-size 4, got 3" in done.stderr.strip()
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_careless_training_ends_in_one_line(data, trained, tmp_path):
    nowhere = run_script("train.py", "--data", tmp_path / "nowhere", "--run", tmp_path / "run")
    assert_one_line(nowhere, "train.py: ", str(tmp_path / "nowhere"))
    assert_one_line(call_tiny(data, tmp_path / "run", "--sources", 6), "--sources", "5")
    assert_one_line(call_tiny(data, tmp_path / "run", "--image-size", 100), "image_size", "100")
    assert_one_line(call_tiny(data, trained, "--steps", 9, "--channels", 16), "shape")
    assert_one_line(call_tiny(data, tmp_path / "run", "--device", "cuda"), "--device cuda")
    assert_one_line(call_tiny(data, tmp_path / "run", "--mix", data), "need different ids")
    assert_one_line(call_tiny(data, tmp_path / "run", "--mix", tmp_path / "nowhere"), "nowhere")
    assert_one_line(
        call_tiny(data, tmp_path / "run", "--mix", data, "--overfit", 2), "leave out --mix"
    )


def test_missing_vgg_weights_end_in_one_line_and_are_never_replaced(data, tmp_path):
    done = call_tiny(
        data, tmp_path / "run", "--content", "vgg", "--vggface", tmp_path / "vgg_face_dag.pth"
    )
    assert_one_line(done, "vgg")
    assert not (tmp_path / "run" / "last.pt").exists()


def test_a_checkpoint_of_another_kind_or_cut_in_half_is_named(head, trained, data, tmp_path):
    path, _ = head
    source = sorted(data.rglob("*.pkl"))[0]
    common = ["finetune", "--source", source, "--output", tmp_path / "out.pt"]
    assert_one_line(call(*common, "--checkpoint", path), str(path), "head")
    half = tmp_path / "half.pt"
    content = (trained / "last.pt").read_bytes()
    half.write_bytes(content[: len(content) // 2])
    assert_one_line(call(*common, "--checkpoint", half), str(half), "whole")
    assert_one_line(call(*common, "--checkpoint", tmp_path), str(tmp_path))
    text = tmp_path / "text.pt"
    text.write_text("not a checkpoint")
    assert_one_line(call(*common, "--checkpoint", text), str(text))
    assert not (tmp_path / "out.pt").exists()


def test_a_hostile_checkpoint_is_not_executed(data, tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'executed'}",)

    torch.save({"kind": "run", "bomb": Hostile()}, tmp_path / "bomb.pt")
    source = sorted(data.rglob("*.pkl"))[0]
    bomb = tmp_path / "bomb.pt"
    assert_one_line(
        call("finetune", "--source", source, "--output", tmp_path / "out.pt", "--checkpoint", bomb),
        "bomb.pt",
    )
    assert not (tmp_path / "executed").exists()
