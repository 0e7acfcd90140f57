"""Every command of the README works as it stands, on drawn heads and tiny networks."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from dataset.images import write_image
from drawn_heads.render import render
from drawn_heads.set import draw_video
from drawn_heads.videos import write_heads
from tests.conftest import ROOT, TINY, call_file, run_script

README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^    python (.+?)(?:\s+#.*)?$", README, re.MULTILINE)
MAKE = re.findall(r"^    make ([\w-]+)", README, re.MULTILINE)

# What a reader has and a test has not: weights, time.
SMALLER = {
    "preprocess.py": [
        "--detector", "stored", "--image-size", "64", "--frames-per-video", "6", "--workers", "1",
    ],
    "train.py": [*TINY, "--steps", "2"],
    "train.py finetune": ["--detector", "stored", "--steps", "1"],
    "infer.py": ["--detector", "stored"],
    "evaluate.py": [
        "--detector", "none", "--shots", "1", "3", "--held-out", "3", "--finetune-steps", "1",
    ],
}  # fmt: skip


@pytest.fixture
def place(heads, tmp_path):
    """A folder with the things that the README's commands name."""
    place = tmp_path
    shutil.copytree(heads, place / "VIDEOS")
    write_heads(
        place / "TEST_VIDEOS", 2, frames=8, size=64, first_person=50, workers=1, progress=False
    )
    who, scene, motion = draw_video(1, 0, 0, 3)
    (place / "photos").mkdir()
    for at in range(3):
        frame, landmarks = render(who, scene, motion[at], 128)
        write_image(place / "photos" / f"{at}.png", frame)
        np.save(place / "photos" / f"{at}.landmarks.npy", landmarks[None])
    clip = next((place / "VIDEOS").rglob("*.mp4"))
    shutil.copy(clip, place / "speech.mp4")
    shutil.copy(clip.with_suffix(".landmarks.npy"), place / "speech.landmarks.npy")
    return place


def test_the_readme_names_all_scripts_in_their_order():
    assert [c.split()[0] for c in COMMANDS] == [
        "preprocess.py", "train.py", "train.py", "infer.py", "infer.py", "preprocess.py",
        "evaluate.py",
    ]  # fmt: skip
    assert len(README.splitlines()) <= 150


def started(name, *words):
    return run_script(ROOT / name, *words, cwd=Path.cwd())


@pytest.mark.parametrize("run", [call_file, pytest.param(started, marks=pytest.mark.slow)])
def test_every_python_command_runs_and_leaves_its_output(place, monkeypatch, run):
    monkeypatch.chdir(place)
    for command in COMMANDS:
        words = shlex.split(command)
        script = " ".join(words[: 2 if "finetune" in words else 1])
        done = run(*words, *SMALLER[script])
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    for left in (
        "DATA/videos.txt", "runs/vox/last.pt", "heads/me.pt", "me.mp4",
        "evaluations/vox/metrics.json",
    ):  # fmt: skip
        assert (place / left).stat().st_size > 0


def test_every_make_target_of_the_readme_exists_and_ci_runs_it_or_its_short_form():
    makefile, ci = (ROOT / "Makefile").read_text(), (ROOT / ".ci" / "run").read_text()
    assert MAKE == ["demo", "demo-from-scratch", "test"]
    for target in MAKE:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
        in_ci = target.removesuffix("-from-scratch")  # the short demo trains its model
        assert re.search(rf"make {in_ci}(-short)?$", ci, re.MULTILINE)


def test_files_that_the_readme_links_to_exist():
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
