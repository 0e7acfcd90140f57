"""Every command of the README works as it stands, on drawn heads and tiny networks."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from dataset.images import write_image
from drawn_heads import __main__ as drawn_heads
from drawn_heads.render import render
from drawn_heads.set import draw_video
from drawn_heads.videos import write_heads
from tests.conftest import ROOT, TINY, call_file, run_script

README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"\| `((?:python|torchrun) .+?)` \|", README)
GUIDES = [ROOT / "docs" / f"{page}.md" for page in (
    "preprocessing", "training", "animating", "evaluation",
)]  # fmt: skip
MAKE = re.findall(r"^    make ([\w-]+)", README, re.MULTILINE)

# What a reader has and a test has not: weights, time.
SMALLER = {
    "preprocess.py": [
        "--detector", "stored", "--image-size", "64", "--frames-per-video", "6", "--workers", "1",
    ],
    "preprocess.py --inspect": [],
    "train.py": [*TINY, "--steps", "2"],
    "train.py finetune": ["--detector", "stored", "--steps", "1"],
    "train.py export": [],
    "infer.py": ["--detector", "stored"],
    "evaluate.py": [
        "--detector", "none", "--shots", "1", "3", "--held-out", "3", "--finetune-steps", "1",
    ],
    "-m drawn_heads": ["--frames", "2", "--size", "32", "--workers", "1"],
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


def script_of(command):
    """What of a command decides which options make it smaller."""
    words = shlex.split(command)
    words = words[words.index("--") :] if words[0] == "torchrun" else words
    return " ".join(words[1:3]) if " ".join(words[1:3]) in SMALLER else words[1]


def run_here(words):
    """Run a script in this process; what starts processes by itself is for the slow form."""
    if words[0] == "torchrun":
        return None
    if words[1] == "-m":
        drawn_heads.main(words[3:])
        return None
    return call_file(*words[1:])


def run_as_a_reader_does(words):
    """Run a command in a process of its own, with fewer GPUs."""
    if words[0] == "torchrun":
        at = words.index("--")
        words = ["python", "-m", "torch.distributed.run", "--nproc-per-node", "2", *words[at:]]
    here = [str(ROOT / word) if word.endswith(".py") else word for word in words[1:]]
    return run_script(*here, cwd=Path.cwd(), env={"PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize(
    "run", [run_here, pytest.param(run_as_a_reader_does, marks=pytest.mark.slow)]
)
def test_every_command_runs_and_leaves_its_output(place, monkeypatch, run):
    monkeypatch.chdir(place)
    for command in COMMANDS:
        done = run([*shlex.split(command), *SMALLER[script_of(command)]])
        assert done is None or done.returncode == 0, f"{command}\n{done.stderr}"
    for left in (
        "DATA/videos.txt", "runs/vox/last.pt", "vox.pt", "heads/me.pt", "me.mp4",
        "evaluations/vox/metrics.json", "HEADS/heads.json",
    ):  # fmt: skip
        assert (place / left).stat().st_size > 0


def test_the_readme_is_short_and_has_every_script():
    assert len(README.splitlines()) <= 130
    assert len(COMMANDS) == 12
    scripts = {command.split()[1] for command in COMMANDS}
    assert scripts >= {"preprocess.py", "train.py", "infer.py", "evaluate.py"}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_the_commands_of_a_guide_are_those_of_the_readme(guide):
    given = re.findall(
        r"^    ((?:python|torchrun) .+?)(?:\s+#.*)?$", guide.read_text(), re.MULTILINE
    )
    assert given
    assert set(given) <= set(COMMANDS)


def test_every_room_has_a_line():
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("**/__init__.py")}
    rooms = {room for room in rooms if not room.startswith(("tests/", ".venv"))}
    assert all(f"`{room}/`" in README for room in rooms), rooms


def test_every_make_target_of_the_readme_exists_and_ci_runs_it_or_its_short_form():
    makefile, ci = (ROOT / "Makefile").read_text(), (ROOT / ".ci" / "run").read_text()
    assert MAKE == ["app", "demo", "demo-from-scratch", "test"]
    for target in MAKE:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for target in MAKE[1:]:  # the page, which ends with Ctrl-C, has tests of its own
        in_ci = target.removesuffix("-from-scratch")  # the short demo trains its model
        assert re.search(rf"make {in_ci}(-short)?$", ci, re.MULTILINE)


def test_files_that_pages_link_to_exist():
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
