"""The careless user: every script, with each of its inputs as its output. Nothing is lost."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import demo
import evaluate
import infer
import preprocess
import train
from dataset.detection.stored import LANDMARKS_SUFFIX
from dataset.images import write_image
from dataset.video.reading import stream_frames
from drawn_heads.__main__ import main as draw
from tests.conftest import TINY, call_script
from training.checkpoint import load, save_model

QUICK = ["--detector", "stored", "--device", "cpu"]


@pytest.fixture(scope="module")
def everything(heads, data, others, trained, tmp_path_factory) -> Path:
    """One of each thing that the scripts read, under short names."""
    folder = tmp_path_factory.mktemp("everything")
    for name, source in (("RUN", trained), ("DATA", data), ("MIX", others), ("VIDEOS", heads)):
        shutil.copytree(source, folder / name)
    save_model(load(trained, "run"), folder / "model.pt")
    clip = sorted(heads.rglob("*.mp4"))[0]
    for suffix in (".mp4", LANDMARKS_SUFFIX):
        shutil.copy(clip.with_suffix(suffix), folder / f"clip{suffix}")
    frame, points = next(stream_frames(clip)), np.load(clip.with_suffix(LANDMARKS_SUFFIX))[:1]
    (folder / "photos").mkdir()
    for place in (folder, folder / "photos"):
        write_image(place / "photo.png", frame)
        np.save(place / f"photo{LANDMARKS_SUFFIX}", points)
    shutil.copy(folder / "clip.mp4", folder / "photos" / "film.mp4")
    for name in ("vggface.pt", "arcface.onnx"):
        (folder / name).write_text("weights")
    return folder


@pytest.fixture
def mine(everything, tmp_path, monkeypatch) -> Path:
    """A copy of them in the working folder."""
    folder = tmp_path / "mine"
    shutil.copytree(everything, folder)
    monkeypatch.chdir(folder)
    return folder


def digest(folder: Path) -> dict[str, str]:
    """Hash every file below a folder; folders and links are told too."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in folder.rglob("*")
    }


SCRIPTS: dict[str, tuple[Callable[[], None], list[str]]] = {
    "preprocess": (preprocess.main, ["--source", "VIDEOS", "--detector", "stored",
                   "--image-size", "32", "--workers", "1"]),
    "train": (train.main, ["--data", "DATA", "--mix", "MIX", "--start-from", "RUN",
              "--vggface", "vggface.pt", *TINY, "--steps", "1"]),
    "finetune": (train.main, ["finetune", "--checkpoint", "RUN", "--source", "clip.mp4",
                 "--vggface", "vggface.pt", "--steps", "1", *QUICK]),
    "export": (train.main, ["export", "--checkpoint", "RUN"]),
    "infer": (infer.main, ["--checkpoint", "RUN", "--source", "photos", "--driving", "clip.mp4",
              *QUICK]),
    "evaluate": (evaluate.main, ["--checkpoint", "RUN", "model.pt", "--data", "DATA",
                 "--drawn-heads", "VIDEOS", "--arcface", "arcface.onnx", "--vggface", "vggface.pt",
                 "--detector", "none"]),
    "demo": (demo.main, ["--checkpoint", "model.pt", "--preset", "short"]),
    "drawn_heads": (draw, ["--people", "1", "--frames", "1", "--size", "32"]),
}  # fmt: skip


def call(script: str, output: object, *more: object):
    main, words = SCRIPTS[script]
    option = "--run" if script == "train" else "--output"
    name = {"finetune": "train", "export": "train"}.get(script, script)
    return call_script(main, f"{name}.py", *words, *more, option, output)


def refused(done, *words: object) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    for word in words:
        assert str(word) in line


# Each input of each script: how the script is called, and what it is told to write over.
INPUTS = [
    ("preprocess", "VIDEOS"),
    ("preprocess", "VIDEOS/id00000"),
    ("preprocess", "clip.mp4", "--source", "clip.mp4"),
    ("preprocess", "photos", "--source", "photos"),
    ("train", "DATA"),
    ("train", "MIX"),
    ("train", "RUN"),
    ("train", "RUN", "--start-from", "RUN/last.pt"),
    ("train", "RUN", "--start-from", "RUN/checkpoints/00000004.pt"),
    ("train", "model.pt", "--start-from", "model.pt"),
    ("train", "vggface.pt"),
    ("finetune", "RUN"),
    ("finetune", "RUN/last.pt"),
    ("finetune", "RUN/checkpoints/00000004.pt"),
    ("finetune", "RUN/checkpoints/00000099.pt"),
    ("finetune", "model.pt", "--checkpoint", "model.pt"),
    ("finetune", "clip.mp4"),
    ("finetune", "clip.landmarks.npy"),
    ("finetune", "photo.png", "--source", "photo.png"),
    ("finetune", "photos", "--source", "photos"),
    ("finetune", "photos/photo.png", "--source", "photos"),
    ("finetune", "vggface.pt"),
    ("export", "RUN"),
    ("export", "RUN/last.pt"),
    ("export", "RUN/last.pt", "--checkpoint", "RUN/last.pt"),
    ("infer", "RUN"),
    ("infer", "photos"),
    ("infer", "photos/film.mp4"),
    ("infer", "photos/new.mp4"),
    ("infer", "photos/photo.png"),
    ("infer", "clip.mp4"),
    ("infer", "clip.landmarks.npy"),
    ("infer", "clip.mp4", "--driving", "clip.landmarks.npy"),
    ("infer", "clip.mov", "--driving", "clip.landmarks.npy"),
    ("infer", "clip.mp4", "--source", "clip.mp4", "--driving", "photo.png"),
    ("infer", "photos", "--driving", "photos", "--source", "clip.mp4"),
    ("infer", "model.pt", "--checkpoint", "model.pt"),
    ("evaluate", "RUN"),
    ("evaluate", "model.pt"),
    ("evaluate", "DATA"),
    ("evaluate", "VIDEOS"),
    ("evaluate", "arcface.onnx"),
    ("evaluate", "vggface.pt"),
    ("demo", "model.pt"),
    ("demo", "RUN", "--checkpoint", "RUN"),
]


@pytest.mark.parametrize(
    ("script", "output", "more"),
    [(script, output, more) for script, output, *more in INPUTS],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
@pytest.mark.parametrize("linked", [False, True], ids=["itself", "a link to it"])
def test_no_script_writes_over_one_of_its_inputs(mine, script, output, more, linked):
    if linked:
        if not Path(output).exists():
            pytest.skip("nothing to link to")
        link = Path(f"link{Path(output).suffix}")
        link.symlink_to(output)
        output = link
    before = digest(mine)
    done = call(script, output, *more)
    assert digest(mine) == before
    refused(done, "--run" if script == "train" else "--output", output)


# What a user has of the same name as something that a script writes.
NAMESAKES = [
    ("preprocess", "videos.txt"),
    ("train", "config.json"),
    ("train", "curves.png"),
    ("evaluate", "sheet.png"),
    ("demo", "contact_sheet.png"),
    ("drawn_heads", "id00000/video000/00001.mp4"),
]


@pytest.mark.parametrize(("script", "name"), NAMESAKES)
def test_a_folder_of_something_else_is_not_written_over(mine, script, name):
    Path("other").mkdir()
    (Path("other") / name).parent.mkdir(parents=True, exist_ok=True)
    (Path("other") / name).write_text("{}")
    before = digest(mine)
    done = call(script, "other")
    assert digest(mine) == before
    refused(done, "other", name.split("/")[0])


def test_an_evaluation_deletes_no_pictures_of_others(mine):
    Path("other").mkdir()
    (Path("other") / "holiday.png").write_text("mine")
    words = ["--finetune-steps", 0, "--shots", 1, "--held-out", 2, "--people", "any", "--limit", 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluation.outputs.write_figures", lambda summary, folder: [])
        patch.setattr("torch.hub.download_url_to_file", no_network)
        patch.setattr("torch.hub.get_dir", lambda: str(mine / "hub"))
        done = call_script(
            evaluate.main, "evaluate.py", "--checkpoint", "RUN", "--data", "DATA", "--output",
            "other", "--detector", "none", "--no-cross-reenactment", "--device", "cpu", *words,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (Path("other") / "holiday.png").read_text() == "mine"
    assert (Path("other") / "sheet.png").is_file()


def no_network(*_: object, **__: object) -> None:
    raise OSError("no network in tests")


# What cannot be written is known before anything is loaded.
UNWRITABLE = [
    ("finetune", "me.mp4", "--output must end in .pt, got me.mp4"),
    ("finetune", "me", "--output must end in .pt, got me"),
    ("export", "vox.pth", "--output must end in .pt, got vox.pth"),
    ("infer", "me.txt", "--output must end in .mp4"),
    ("finetune", "folder.pt", "folder.pt is a folder"),
    ("infer", "folder.mp4", "folder.mp4 is a folder"),
    ("infer", "folder.mp4/", "--output must be a file to write, got the folder folder.mp4/"),
    ("infer", "new.mp4/", "got the folder new.mp4/"),
    ("finetune", "new.pt/", "got the folder new.pt/"),
    ("export", "new.pt/", "got the folder new.pt/"),
    ("finetune", "photo.png/me.pt", "photo.png is a file"),
    ("export", "x" * 300 + ".pt", "too long"),
    *((script, "photo.png", "photo.png is a file")
      for script in ("preprocess", "train", "evaluate", "demo", "drawn_heads")),
    *((script, "photo.png/new", "photo.png is a file")
      for script in ("preprocess", "train", "evaluate", "demo", "drawn_heads")),
]  # fmt: skip


@pytest.mark.parametrize(("script", "output", "complaint"), UNWRITABLE)
def test_what_cannot_be_written_is_told_before_anything_is_loaded(
    mine, monkeypatch, script, output, complaint
):
    for name in ("folder.pt", "folder.mp4"):
        Path(name).mkdir()
    forbid_work(monkeypatch)
    before = digest(mine)
    done = call(script, output)
    assert digest(mine) == before
    refused(done, complaint)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_disk_that_takes_nothing_is_found_out_before_anything_is_loaded(
    mine, monkeypatch, script
):
    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    forbid_work(monkeypatch)
    monkeypatch.setattr(Path, "touch", read_only)
    suffix = {"finetune": ".pt", "export": ".pt", "infer": ".mp4"}.get(script, "")
    refused(call(script, f"new/folder/output{suffix}"), "must be writable", "Read-only")
    assert not Path("new").exists()


def forbid_work(monkeypatch) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("it has begun to work")

    for name in (
        "train.load", "train.VoxCelebDataset", "infer._load", "evaluate.load_contestant",
        "demo.load", "preprocess.preprocess", "drawn_heads.__main__.write_heads",
    ):  # fmt: skip
        monkeypatch.setattr(name, work)


def test_a_head_may_lie_in_its_run_and_be_learnt_again(mine):
    Path("photos/film.mp4").unlink()  # photos alone
    for _ in range(2):
        for output, source in (("RUN/heads/me.pt", "photo.png"), ("photos/me.pt", "photos")):
            done = call("finetune", output, "--source", source, "--shots", 1)
            assert done.returncode == 0, done.stderr


def test_data_may_lie_in_the_folder_of_their_videos(mine):
    for _ in range(2):
        done = call("preprocess", "VIDEOS/DATA")
        assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("5 videos, "), "the sheet of the first run is no person"
    assert "0 skipped" in done.stdout


def test_a_dry_run_asks_for_no_room_but_refuses_an_input(mine, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    assert call("preprocess", "new", "--dry-run").returncode == 0
    refused(call("preprocess", "VIDEOS", "--dry-run"), "another folder than --source")


def test_a_demo_goes_on_from_the_run_that_an_earlier_one_has_trained(mine):
    (Path("RUN").parent / "out").mkdir()
    Path("RUN").rename("out/run")
    config = demo.Demo(output=Path("out"), checkpoint=Path("out/run"))
    demo.check(config)
    with pytest.raises(ValueError, match="run would be overwritten"):
        demo.check(demo.Demo(output=Path("out")))


def test_the_output_of_another_process_is_left_alone(mine):
    running = Path(f".partial-00000000-{os.getpid()}-0123abcd.pt")
    running.write_text("half")
    assert call("export", "vox.pt").returncode == 0
    assert running.read_text() == "half"
