"""What makes a model learn? One change at a time, equal numbers of steps, people held out.

    DRAW="python -m drawn_heads.videos --frames 24 --fps 2.4 --size 128"
    $DRAW --output HEADS/train --people 240
    $DRAW --output HEADS/unseen --people 32 --first-person 10000
    python -m benchmarks.ablation --source HEADS/train --unseen HEADS/unseen --output ABLATION

Every run starts from the demo's preset and differs from it in what its name says. The table gives
SSIM of people never seen, feed-forward and fine-tuned, and the difference from the first run on the
same videos with its 95 % interval over them; the seeds' rows show what chance alone does. Runs that
are done are not done again, so the table can be had at any time, and variants added. sheet.jpg
has all of them side by side, on one frame of each of the first people.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torchvision.models import vgg19

from dataset.images import read_image, write_image
from evaluation.measures import MEASURES
from evaluation.sheets import lay_out
from evaluation.summary import bootstrap
from evaluation.trial import COPY, FEED_FORWARD, FINE_TUNED
from pretrained.vgg19 import CONVENTIONS
from system.files import replacing

HERE = Path(__file__).parent.parent


METHODS = (FEED_FORWARD, FINE_TUNED)
PEOPLE_SHOWN = 6  # on the sheet
ALSO = ("detail", "expression", "csim", "recognized", "landmark_error")


class Variant(NamedTuple):
    """One run: options of train.py, and how many frames its data store of each video."""

    options: str = ""
    stored: int | None = None


VARIANTS = {
    "as it is": Variant(),
    "seed 1": Variant("--seed 1"),
    "seed 2": Variant("--seed 2"),
    "bottleneck of 8 pixels": Variant("--bottleneck 8"),
    "bottleneck of 4 pixels": Variant("--bottleneck 4"),
    "bottleneck of 4, narrow outside": Variant("--bottleneck 4 --generator-channels 16"),
    "self-attention": Variant("--attention"),
    "gain offset 0": Variant("--gain-offset 0"),
    "spectral norm in E and G": Variant("--spectral-norm"),
    "no spectral norm in D": Variant("--no-discriminator-spectral-norm"),
    "matching 0": Variant("--matching-weight 0"),
    "matching 1": Variant("--matching-weight 1"),
    "matching 10": Variant("--matching-weight 10"),
    "matching 10, no warm-up": Variant("--matching-weight 10 --matching-warmup 0"),
    "2 updates of D": Variant("--discriminator-steps 2"),
    "feature matching 0": Variant("--feature-matching-weight 0"),
    "feature matching undivided": Variant("--feature-matching-weight 70"),
    "adversarial 0": Variant("--adversarial-weight 0"),
    "adversarial 1": Variant("--adversarial-weight 1"),
    "content: untrained VGG19": Variant("--content vgg --face-features none"),
    "EMA 0.999": Variant("--ema 0.999"),
    "no EMA": Variant("--ema 0"),
    "9 frames stored": Variant(stored=9),
    "3 frames stored": Variant(stored=3),
    "K = 1": Variant("--sources 1"),
    "K = 8": Variant("--sources 8"),
    "learning rate of G 5e-4": Variant("--generator-lr 5e-4"),
    "learning rate of G 2e-3": Variant("--generator-lr 2e-3"),
    "learning rate of D 1e-4": Variant("--discriminator-lr 1e-4"),
    "learning rate of D 1e-3": Variant("--discriminator-lr 1e-3"),
    "the paper's learning rates": Variant("--generator-lr 5e-5 --discriminator-lr 2e-4"),
    "rates that do not fall": Variant("--decay 0"),
    "beta1 0": Variant("--beta1 0"),
    "augmentation 0 (mirror)": Variant("--augmentation 0"),
    "augmentation 0.5": Variant("--augmentation 0.5"),
    "augmentation 1": Variant("--augmentation 1"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="raw videos to train on")
    parser.add_argument("--unseen", type=Path, required=True, help="raw videos of other people")
    parser.add_argument("--output", type=Path, required=True, help="folder for all of it")
    parser.add_argument("--crop", default="auto", help="as in preprocess.py")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--stored", type=int, default=24, help="frames of each training video")
    parser.add_argument("--steps", type=int, default=900, help="of meta-learning")
    parser.add_argument("--shots", type=int, default=8, help="T")
    parser.add_argument("--held-out", type=int, default=16, help="frames of each unseen video")
    parser.add_argument("--finetune-steps", type=int, default=40)
    parser.add_argument("--limit", type=int, default=16, help="unseen videos to measure on")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), help="names of variants")
    parser.add_argument("--add", nargs="*", default=[], help='more variants, each "name: options"')
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    added = dict(text.split(":", 1) for text in arguments.add)
    variants = {name: VARIANTS[name] for name in arguments.only}
    variants |= {name: Variant(options) for name, options in added.items()}
    arguments.output.mkdir(parents=True, exist_ok=True)

    if "content: untrained VGG19" in variants:
        untrained_vgg19(arguments.output / "torch")
    results = {}
    for name, variant in variants.items():
        results[name] = run_variant(name, variant, arguments)
        print(f"\n{table(results, arguments.shots)}\n", flush=True)
    write_image(arguments.output / "sheet.jpg", sheet(arguments.output, list(variants)))


def run_variant(name: str, variant: Variant, arguments: argparse.Namespace) -> dict:
    """Train and evaluate one variant; give its metrics, and images a second."""
    out = arguments.output
    unseen = arguments.shots + arguments.held_out
    stored = variant.stored or arguments.stored
    train = preprocess(arguments.source, out / f"train-{stored}", stored, arguments)
    test = preprocess(arguments.unseen, out / f"unseen-{unseen}", unseen, arguments)
    folder = folder_of(out, name)
    script(
        out, "train.py", "--preset", "demo", "--data", train, "--run", folder / "run",
        "--steps", arguments.steps, "--image-size", arguments.image_size,
        "--threads", arguments.threads, *shlex.split(variant.options),
    )  # fmt: skip
    script(
        out, "evaluate.py", "--checkpoint", folder / "run", "--data", test,
        "--output", folder / "evaluation", "--shots", arguments.shots,
        "--held-out", arguments.held_out, "--limit", arguments.limit,
        "--finetune-steps", arguments.finetune_steps, "--threads", arguments.threads,
        "--no-cross-reenactment",
    )  # fmt: skip
    lines = [json.loads(line) for line in (folder / "run" / "stats.jsonl").open()]
    rates = [line["images_per_second"] for line in lines]
    metrics = json.loads((folder / "evaluation" / "metrics.json").read_text())
    return {"videos": metrics["videos"], "images_per_second": statistics.median(rates)}


def preprocess(source: Path, output: Path, frames: int, arguments: argparse.Namespace) -> Path:
    """Store so many frames of every video, where that is not done yet."""
    script(
        arguments.output, "preprocess.py", "--source", source, "--output", output, "--detector",
        "stored", "--crop", arguments.crop, "--image-size", arguments.image_size,
        "--frames-per-video", frames,
    )  # fmt: skip
    return output


def folder_of(output: Path, name: str) -> Path:
    """Where a variant's run and evaluation lie."""
    return output / "".join(c if c.isalnum() else "-" for c in name.lower())


def sheet(output: Path, names: Sequence[str]) -> np.ndarray:
    """Lay out what the variants draw of the first people, each feed-forward and fine-tuned."""
    rows: dict[str, dict[str, np.ndarray]] = {}
    for name in names:
        (results,) = (folder_of(output, name) / "evaluation" / "results").glob("run-*")
        for path in sorted(results.rglob("*.json"))[:PEOPLE_SHOWN]:
            titles = json.loads(path.read_text())["strips"]["self"]
            pictures = np.split(read_image(path.with_suffix(".self.png")), len(titles), axis=1)
            strip = dict(zip(titles, pictures, strict=True))
            for method in METHODS:
                row = rows.setdefault(f"{path.parent.name}: {method}", {"truth": strip["truth"]})
                row[name] = next(strip[title] for title in titles if title.startswith(method))
    return lay_out(rows)


def table(results: dict[str, dict], shots: int) -> str:
    """Markdown, one row a run."""
    first = next(iter(results.values()))["videos"]
    measures = [f"{MEASURES[name].title}, {method}" for method in METHODS for name in ALSO]
    header = ["what differs", "feed-forward", "difference", "fine-tuned", "difference", *measures]
    rows = [header + ["images/s"], ["---"] * (len(header) + 1)]
    for name, result in results.items():
        cells = []
        for method in METHODS:
            scores = scores_of(result["videos"], method, shots, "ssim")
            base = scores_of(first, method, shots, "ssim")
            gain = bootstrap([s - b for s, b in zip(scores, base, strict=True)], 0)
            half = (gain.high - gain.low) / 2
            cells += [f"{statistics.mean(scores):.3f}", f"{gain.mean:+.3f} ± {half:.3f}"]
        cells += means(result["videos"], METHODS, shots)
        rows.append([name, *cells, f"{result['images_per_second']:.0f}"])
    copied = statistics.mean(scores_of(first, COPY, shots, "ssim"))
    copies = [*means(first, [COPY], shots), *[""] * len(ALSO)]
    rows.append([COPY, f"{copied:.3f}", "", "", "", *copies, ""])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def means(videos: dict[str, dict], methods: Sequence[str], shots: int) -> list[str]:
    """Of the other measures, by method."""
    cells = []
    for method in methods:
        for name in ALSO:
            scores = [x for x in scores_of(videos, method, shots, name) if x is not None]
            cells.append(f"{statistics.mean(scores):.{MEASURES[name].digits}f}" if scores else "-")
    return cells


def scores_of(videos: dict[str, dict], method: str, shots: int, name: str) -> list[float | None]:
    """One method's number for each video."""
    return [
        row["scores"][name]
        for video in videos.values()
        for party in video.values()
        for row in party["own_motion"]
        if (row["shots"], row["method"]) == (shots, method)
    ]


def untrained_vgg19(home: Path) -> None:
    """Put VGG19 with fresh weights where torch hub would look for trained ones."""
    path = home / "hub" / "checkpoints" / Path(CONVENTIONS["torchvision"].url).name
    if not path.exists():
        torch.manual_seed(0)
        with replacing(path) as partial:
            torch.save(vgg19().state_dict(), partial)


def script(output: Path, name: str, *arguments: object) -> None:
    """Run one of the project's scripts; its words go to log.txt."""
    words = [name, *map(str, arguments)]
    with (output / "log.txt").open("a") as log:
        print(f"\n$ python {shlex.join(words)}", file=log, flush=True)
        environment = os.environ | {"TORCH_HOME": str(output.resolve() / "torch")}
        done = subprocess.run(
            [sys.executable, str(HERE / name), *words[1:]], stdout=log, stderr=log, env=environment
        )
    if done.returncode:
        sys.exit(f"{shlex.join(words)} has failed: see {output / 'log.txt'}")


if __name__ == "__main__":
    main()
