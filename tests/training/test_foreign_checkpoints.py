"""A file that is no checkpoint of this library is told what it is, by every script."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import evaluate
import infer
import train
from dataset.images import write_image
from drawn_heads.motion import Pose
from drawn_heads.people import draw_person
from drawn_heads.render import render
from drawn_heads.scenes import draw_scene
from tests.conftest import TINY, call_script
from training.checkpoint import is_head, load

LAYERS = {f"layer{number}.weight": torch.ones(2) for number in range(54)}


def a_network() -> torch.nn.Module:
    return torch.nn.Linear(2, 2)


FOREIGN = {
    "state dict": (LAYERS, "holds 54 tensors but is no checkpoint of this library"),
    "nested": ({"epoch": 3, "state": {"a": LAYERS, "b": [torch.ones(1)]}}, "holds 55 tensors"),
    "tensor": (torch.ones(3), "holds 1 tensors"),
    "other kind": ({"kind": "detector", "weights": LAYERS}, "holds 54 tensors"),
    "kind of no word": ({"kind": ["run"]}, "holds 0 tensors"),
    "network": (a_network(), "is no checkpoint of this library: it holds objects"),
    "photo": ("photo", "begins as a JPEG does"),
    "legacy": ("legacy", "begins as a pickle does"),
    "JSON": ("json", "begins as JSON does"),
    "empty": ("empty", "it is empty"),
    "film": ("film", "begins otherwise"),
}  # fmt: skip


@pytest.fixture(params=FOREIGN)
def foreign(request, tmp_path) -> tuple[Path, str]:
    content, complaint = FOREIGN[request.param]
    path = tmp_path / "foreign.pt"
    if not isinstance(content, str):
        torch.save(content, path)
    elif content == "photo":
        face = render(draw_person(0), draw_scene(0), Pose(), 64)[0]
        write_image(path.with_suffix(".jpg"), face)
        path.with_suffix(".jpg").rename(path)
    elif content == "legacy":
        torch.save(LAYERS, path, _use_new_zipfile_serialization=False)
    else:
        bytes_ = {"json": json.dumps({"a": 1}).encode(), "empty": b"", "film": b"\0\0\0\x18ftyp"}
        path.write_bytes(bytes_[content])
    return path, complaint


def test_it_says_what_it_is_in_every_script(foreign, data, heads, tmp_path):
    path, complaint = foreign
    clip = sorted(heads.rglob("*.mp4"))[0]
    to = ["--output", tmp_path / "out.pt"]
    film = ["--driving", clip, "--output", tmp_path / "out.mp4", "--detector", "stored"]
    for main, words in (
        (train.main, ["train.py", "finetune", "--checkpoint", path, "--source", clip, *to]),
        (train.main, ["train.py", "export", "--checkpoint", path, *to]),
        (train.main, ["train.py", "--data", data, "--run", tmp_path / "run", "--start-from", path,
                      *TINY]),
        (infer.main, ["infer.py", "--checkpoint", path, *film]),
        (infer.main, ["infer.py", "--checkpoint", path, "--source", clip, *film]),
        (evaluate.main, ["evaluate.py", "--checkpoint", path, "--data", data,
                         "--output", tmp_path / "evaluation"]),
    ):  # fmt: skip
        done = call_script(main, *words)
        assert done.returncode == 1, done.stderr
        (line,) = done.stderr.strip().splitlines()
        assert complaint in line, words
        assert str(path) in line
        assert "None" not in line and "is a run" not in line


def test_a_folder_that_is_no_run_is_not_taken_for_one(tmp_path, trained):
    with pytest.raises(FileNotFoundError, match="no checkpoint in"):
        is_head(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(trained / "last.pt", tmp_path / "checkpoints" / "00000004.pt")
    assert not is_head(tmp_path)
    assert load(tmp_path, "run")["step"] == 4
