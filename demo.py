"""The whole main job on heads that the library draws itself: no data, no weights, no GPU.

Draws heads, preprocesses them, meta-learns a small model, fine-tunes it on a few pictures of a
person never seen in training, animates that person with another one's motion, and evaluates the
model on people never seen. Leaves in its output folder animation.mp4, contact_sheet.png, curves.png
and metrics.json, and more about the evaluation in evaluation/.
"""

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cli
from config import DEMO_PRESETS, Demo
from dataset.sample_heads import write_sample_heads
from dataset.store import read_videos, video_path

HERE = Path(__file__).parent
DRAWN_SIZE = 128
DRIVING_FPS = 25.0
UNSEEN = 10_000  # number of the first person that is not for training


def main() -> None:
    config = cli.parse(Demo, "demo.py", presets=DEMO_PRESETS)
    out = config.output
    started = time.monotonic()
    draw_heads(config)
    for part, frames in (
        ("train", config.frames),
        ("unseen", config.shots + config.held_out),
    ):
        script(
            "preprocess.py", "--source", out / "videos" / part, "--output", out / "data" / part,
            "--detector", "stored", "--image-size", 64, "--frames-per-video", frames,
        )  # fmt: skip
    script(
        "train.py", "--preset", "demo", "--data", out / "data" / "train", "--run", out / "run",
        "--steps", config.steps, "--seed", config.seed,
    )  # fmt: skip
    shutil.copyfile(out / "run" / "curves.png", out / "curves.png")

    person = read_videos(out / "data" / "unseen")[0]
    (driving,) = (out / "videos" / "driving").rglob("*.mp4")
    script(
        "train.py", "finetune", "--checkpoint", out / "run", "--output", out / "head.pt",
        "--source", video_path(out / "data" / "unseen", person),
        "--shots", config.shots, "--steps", config.finetune_steps,
    )  # fmt: skip
    script(
        "infer.py", "--checkpoint", out / "head.pt", "--driving", driving, "--detector", "stored",
        "--output", out / "animation.mp4", "--side-by-side",
    )  # fmt: skip
    script(
        "evaluate.py", "--checkpoint", out / "run", "--data", out / "data" / "unseen",
        "--drawn-heads", out / "videos" / "unseen", "--output", out / "evaluation",
        "--shots", config.shots, "--held-out", config.held_out,
        "--finetune-steps", config.finetune_steps, "--detector", "none", "--seed", config.seed,
    )  # fmt: skip
    shutil.copyfile(out / "evaluation" / "metrics.json", out / "metrics.json")
    shutil.copyfile(out / "evaluation" / "sheet.png", out / "contact_sheet.png")
    print(f"{out}: animation.mp4, contact_sheet.png, curves.png, metrics.json and evaluation")
    print(f"all of it took {(time.monotonic() - started) / 60:.1f} minutes")


def draw_heads(config: Demo) -> None:
    """Write the videos of each group, with their landmarks beside them."""
    for part, people, first, frames, fps in (
        ("train", config.people, 0, config.frames, config.fps),
        ("unseen", config.unseen_people, UNSEEN, config.frames, config.fps),
        ("driving", 1, UNSEEN + 1, config.driving_frames, DRIVING_FPS),
    ):
        write_sample_heads(
            config.output / "videos" / part, people, frames=frames, fps=fps, size=DRAWN_SIZE,
            seed=config.seed, first_person=first,
        )  # fmt: skip


def script(name: str, *arguments: object) -> None:
    """Run one of the project's scripts as a user would, and show the command."""
    words = [name, *map(str, arguments)]
    print(f"\n$ python {shlex.join(words)}", flush=True)
    status = subprocess.run([sys.executable, str(HERE / words[0]), *words[1:]]).returncode
    if status:  # the script has said why
        sys.exit(f"demo.py: {name} has ended with status {status}")


if __name__ == "__main__":
    cli.run(main)
