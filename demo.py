"""The whole main job on heads that the library draws itself: no data, no weights, no GPU.

Draws heads, preprocesses them, meta-learns a small model or takes a learnt one, fine-tunes it on a
few pictures of a person never seen in training, animates that person with another one's motion, and
evaluates the model on people never seen. Leaves in its output folder animation.mp4,
contact_sheet.png and metrics.json, more about the evaluation in evaluation/, and where it trained,
curves.png.
"""

import system.waiting  # noqa: F401 - sets how PyTorch's threads wait

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cli
from config import DEMO_NETWORKS, DEMO_PRESETS, Demo
from dataset.store import read_videos, video_path
from drawn_heads.set import SETTINGS
from drawn_heads.videos import write_heads
from system.cores import idle_cores
from system.outputs import prepare_folder
from training.checkpoint import load
from training.inputs import inputs_of_checkpoint

HERE = Path(__file__).parent
DRAWN_SIZE = 128
DRIVING_FPS = 25.0
UNSEEN = 10_000  # number of the first person that is not for training
LEARNING = ("train.py", "infer.py", "evaluate.py")
WRITES = (
    "videos", "data", "head.pt", "animation.mp4", "contact_sheet.png", "metrics.json", "evaluation",
)  # fmt: skip
WRITES_IN_TRAINING = ("run", "curves.png")


def main() -> None:
    config = cli.parse(Demo, "demo.py", presets=DEMO_PRESETS)
    check(config)
    started = time.monotonic()
    checkpoint = config.checkpoint or train(config)
    image_size = load(checkpoint, "run", "model")["config"]["networks"]["image_size"]

    unseen = draw_heads(config, "unseen", config.unseen_people, UNSEEN, config.frames, config.fps)
    data = preprocess(config, "unseen", image_size, config.shots + config.held_out)
    driving = draw_heads(config, "driving", 1, UNSEEN + 1, config.driving_frames, DRIVING_FPS)
    animate(config, checkpoint, data, driving)
    evaluate(config, checkpoint, data, unseen)
    print(f"{config.output}: animation.mp4, contact_sheet.png, metrics.json and evaluation")
    print(f"all of it took {(time.monotonic() - started) / 60:.1f} minutes")


def check(config: Demo) -> None:
    """Refuse an output that cannot be written, or only over something of the user's."""
    inputs = inputs_of_checkpoint(config.checkpoint) if config.checkpoint else []
    writes = (*WRITES, *(() if config.checkpoint else WRITES_IN_TRAINING))
    prepare_folder(config.output, inputs, writes, is_begun)


def is_begun(output: Path) -> bool:
    """Tell whether a folder is one of the demo, whole or just begun."""
    return any(output.glob(f"videos/*/{SETTINGS}"))


def train(config: Demo) -> Path:
    """Meta-learn the demo's model on heads of its own; give the run."""
    draw_heads(config, "train", config.people, 0, config.frames, config.fps)
    data = preprocess(config, "train", DEMO_NETWORKS.image_size, config.frames)
    run = config.output / "run"
    script(
        "train.py", "--preset", "demo", "--data", data, "--run", run, "--steps", config.steps,
        "--seed", config.seed,
    )  # fmt: skip
    shutil.copyfile(run / "curves.png", config.output / "curves.png")
    return run


def animate(config: Demo, checkpoint: Path, data: Path, driving: Path) -> None:
    """Learn the first person of the data, and show it with another one's motion."""
    out = config.output
    (video,) = driving.rglob("*.mp4")
    script(
        "train.py", "finetune", "--checkpoint", checkpoint, "--output", out / "head.pt",
        "--source", video_path(data, read_videos(data)[0]),
        "--shots", config.shots, "--steps", config.finetune_steps,
    )  # fmt: skip
    script(
        "infer.py", "--checkpoint", out / "head.pt", "--driving", video, "--detector", "stored",
        "--output", out / "animation.mp4", "--side-by-side",
    )  # fmt: skip


def evaluate(config: Demo, checkpoint: Path, data: Path, heads: Path) -> None:
    """Measure the model on all people of the data, and keep the numbers and the sheet."""
    out = config.output
    script(
        "evaluate.py", "--checkpoint", checkpoint, "--data", data, "--drawn-heads", heads,
        "--output", out / "evaluation", "--shots", config.shots, "--held-out", config.held_out,
        "--finetune-steps", config.finetune_steps, "--seed", config.seed,
    )  # fmt: skip
    shutil.copyfile(out / "evaluation" / "metrics.json", out / "metrics.json")
    shutil.copyfile(out / "evaluation" / "sheet.png", out / "contact_sheet.png")


def draw_heads(config: Demo, part: str, people: int, first: int, frames: int, fps: float) -> Path:
    """Write the videos of a group, with their landmarks beside them."""
    videos = config.output / "videos" / part
    write_heads(
        videos, people, frames=frames, fps=fps, size=DRAWN_SIZE, seed=config.seed,
        first_person=first,
    )  # fmt: skip
    return videos


def preprocess(config: Demo, part: str, image_size: int, frames: int) -> Path:
    """Store so many frames of every video of a group."""
    data = config.output / "data" / part
    script(
        "preprocess.py", "--source", config.output / "videos" / part, "--output", data,
        "--detector", "stored", "--image-size", image_size, "--frames-per-video", frames,
    )  # fmt: skip
    return data


def script(name: str, *arguments: object) -> None:
    """Run one of the project's scripts as a user would, and show the command."""
    words = [name, *map(str, arguments)]
    if name in LEARNING:  # threads that share cores with other processes wait for each other
        words += ["--threads", str(idle_cores())]
    print(f"\n$ python {shlex.join(words)}", flush=True)
    with subprocess.Popen([sys.executable, str(HERE / words[0]), *words[1:]]) as process:
        try:
            status = process.wait()
        except BaseException:  # a signal: the script is to leave nothing half-written either
            process.terminate()
            process.wait()
            raise
    if status:  # the script has said why
        sys.exit(f"demo.py: {name} has ended with status {status}")


if __name__ == "__main__":
    cli.run(main)
