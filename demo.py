"""The whole main job on heads that the library draws itself: no data, no weights, no GPU.

Draws heads, preprocesses them, meta-learns a small model, fine-tunes it on a few pictures of a
person never seen in training and animates that person with another one's motion. Leaves in its
output folder animation.mp4, contact_sheet.png, curves.png and metrics.json.
"""

import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

import cli
from config import DEMO_PRESETS, Demo
from dataset.episodes import scale_landmarks
from dataset.images import frame_to_image, image_to_frame, normalize, resize, write_image
from dataset.landmarks import draw_landmarks
from dataset.person import load_person
from dataset.progress import progress_bar
from dataset.sample_heads import render, sample_video, write_sample_heads
from dataset.store import read_videos, video_path
from loss.content import ContentLoss
from metric.ssim import ssim
from runtime import resolve_device, resolve_precision
from training.checkpoint import load, load_feed_forward, load_head
from training.finetuning import PAPER_BATCH, Learning, finetune, initial_person, load_models
from training.loops import Hardware
from training.steps import term_weights

HERE = Path(__file__).parent
DRAWN_SIZE = 128
DRIVING_FPS = 25.0
UNSEEN = 10_000  # number of the first person that is not for training
SHOWN_HEADS = 4
SHOWN_SOURCES = 3


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
    measure(config)
    print(f"{out}: animation.mp4, contact_sheet.png, curves.png and metrics.json")
    print(f"all of it took {(time.monotonic() - started) / 60:.1f} minutes")


def draw_heads(config: Demo) -> None:
    """Write the videos of both groups, with their landmarks beside them."""
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


def measure(config: Demo) -> None:
    """Compare feed-forward and fine-tuned heads with the truth, and with copying a source."""
    out = config.output
    device = resolve_device("auto")
    hardware = Hardware(device, resolve_precision("auto", device))
    payload = load(out / "run", "run")
    folder = out / "data" / "unseen"
    results, rows = [], []
    for video in progress_bar(iterable=read_videos(folder), desc="measuring", unit="head"):
        result, row = measure_head(video_path(folder, video), payload, config, hardware)
        results.append({"video": video, **result})
        rows.append(row)
    names = list(results[0])[1:]
    means = {name: float(np.mean([result[name] for result in results])) for name in names}
    metrics = {
        "metric": "SSIM against the truth, mean over held-out frames, then over heads",
        "heads": len(results),
        "shots": config.shots,
        "held_out_frames": config.held_out,
        "ssim": means,
        "heads_where_fine_tuned_beats_feed_forward": sum(
            result["fine_tuned"] > result["feed_forward"] for result in results
        ),
        "heads_where_feed_forward_beats_copying": sum(
            result["feed_forward"] > result["copy_nearest_source"] for result in results
        ),
        "per_head": results,
    }
    (out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print("SSIM on unseen heads: " + ", ".join(f"{k} {v:.3f}" for k, v in means.items()))
    write_sheet([*rows[:SHOWN_HEADS], *cross_reenactment(config)], out / "contact_sheet.png")


def measure_head(
    path: Path, payload: dict, config: Demo, hardware: Hardware
) -> tuple[dict[str, float], list[Tensor]]:
    """Fit one unseen head to some of its pictures and score it on others.

    Returns:
        mean SSIM by method, and a row of the contact sheet: sources, landmarks, outputs, truth.
    """
    trained = payload["config"]
    total = config.shots + config.held_out
    pictures = load_person(path, None, "whole", trained["networks"]["image_size"], total)
    images, drawn = (
        normalize(part.to(hardware.device)) for part in (pictures.images, pictures.landmark_images)
    )
    known, unseen = images[: config.shots], images[config.shots :]
    known_drawn, unseen_drawn = drawn[: config.shots], drawn[config.shots :]
    points, held_points = pictures.landmarks[: config.shots], pictures.landmarks[config.shots :]
    distance = np.linalg.norm(held_points[:, None] - points[None], axis=-1).mean(-1)

    models = load_models(payload, path).to(hardware.device)
    person = initial_person(models, known, known_drawn, payload["mean_row_norm"], rescale=2.0)
    outputs = {"copy_nearest_source": known[torch.from_numpy(distance.argmin(1))]}
    outputs["feed_forward"] = person.head.draw(unseen_drawn)
    learning = Learning.as_trained(
        trained["optimization"], config.finetune_steps, PAPER_BATCH, config.seed
    )
    weights = term_weights(trained["weights"])
    finetune(person, known, known_drawn, ContentLoss(), weights, learning, hardware, progress=False)
    outputs["fine_tuned"] = person.head.draw(unseen_drawn)
    scores = {name: ssim(output, unseen).mean().item() for name, output in outputs.items()}
    sheet = (unseen_drawn, outputs["feed_forward"], outputs["fine_tuned"], unseen)
    return scores, [*known[:SHOWN_SOURCES], *(column[0] for column in sheet)]


def cross_reenactment(config: Demo) -> list[list[Tensor]]:
    """Rows of the first unseen person with the second one's motion, whose truth can be drawn."""
    out = config.output
    head = load_head(out / "head.pt")
    embedder, generator, _ = load_feed_forward(out / "run")
    person = read_videos(out / "data" / "unseen")[0]
    size = head.image_size
    pictures = load_person(
        video_path(out / "data" / "unseen", person), None, "whole", size, config.shots
    )
    images, drawn = normalize(pictures.images), normalize(pictures.landmark_images)
    with torch.no_grad():
        style = generator.project(embedder.embed_video(images[None], drawn[None]))
    who, scene, _ = sample_video(config.seed, UNSEEN, 0, config.driving_frames)
    *_, motion = sample_video(config.seed, UNSEEN + 1, 0, config.driving_frames, DRIVING_FPS)
    rows = []
    for time_step in range(0, config.driving_frames, -(-config.driving_frames // 3)):
        truth, landmarks = render(who, scene, motion[time_step], DRAWN_SIZE)
        truth, landmarks = resize(truth, size), scale_landmarks(landmarks, DRAWN_SIZE, size)
        stickman = normalize(frame_to_image(draw_landmarks(landmarks, size)))[None]
        with torch.no_grad():
            feed_forward = generator(stickman, style)
        columns = (stickman[0], feed_forward[0], head.network.draw(stickman)[0])
        rows.append([*images[:SHOWN_SOURCES], *columns, normalize(frame_to_image(truth))])
    return rows


def write_sheet(rows: list[list[Tensor]], path: Path) -> None:
    """Write the contact sheet, with a line of titles, at twice the networks' size."""
    titles = ["source"] * SHOWN_SOURCES + ["landmarks", "feed-forward", "fine-tuned", "truth"]
    grid = np.concatenate(
        [np.concatenate([image_to_frame(cell) for cell in row], axis=1) for row in rows], axis=0
    )
    grid = cv2.resize(grid, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    header = np.full((24, grid.shape[1], 3), 255, np.uint8)
    width = grid.shape[1] // len(titles)
    for column, title in enumerate(titles):
        at = (column * width + 6, 16)
        cv2.putText(header, title, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    write_image(path, np.concatenate([header, grid]))


if __name__ == "__main__":
    cli.run(main)
