"""Does preprocessing cost the same per video, in time and memory, however many there are?

    python -m benchmarks.scaling                  # 100, 1,000 and 10,000 tiny videos
    python -m benchmarks.scaling --counts 50 500  # quicker

Each count is run several times, in turn, as the machine may be shared; the fastest run counts.
Each run has a process of its own, which works alone, so that its peak memory is all there is.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import config
from benchmarks.clips import write_clips
from dataset.preparation.pipeline import preprocess
from dataset.preparation.quality import Gates

DIFFERENT = 20  # clips, which are then copied
FRAMES, SIZE = 24, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(*measure(*options.one))
        return
    with tempfile.TemporaryDirectory() as folder:
        clips, output = Path(folder) / "clips", Path(folder) / "out"
        write_clips(clips, DIFFERENT, segments=1, frames=FRAMES, size=SIZE)
        sources = {
            count: multiply(clips, Path(folder) / str(count), count) for count in options.counts
        }
        best: dict[int, tuple[float, float]] = {}
        for _ in range(options.runs):
            for count, source in sources.items():
                best[count] = min(best.get(count, (1e9, 0)), measure_apart(source, output))
    first = min(best)
    print(f"{'videos':>8} {'seconds':>8} {'videos/s':>9} {'of first':>9} {'peak MB':>8}")
    for count, (seconds, peak) in best.items():
        rate, base = count / seconds, first / best[first][0]
        print(f"{count:8d} {seconds:8.2f} {rate:9.1f} {rate / base:9.2f} {peak:8.1f}")


def multiply(clips: Path, folder: Path, count: int) -> Path:
    """Copy the clips until there are `count` people with one video each."""
    originals = sorted(clips.rglob("*.mp4"))
    for number in range(count):
        original = originals[number % len(originals)]
        target = folder / f"id{number:06d}" / "video"
        target.mkdir(parents=True)
        for file in (original, original.with_suffix(".landmarks.npy")):
            shutil.copyfile(file, target / file.name)
    return folder


def measure_apart(source: Path, output: Path) -> tuple[float, float]:
    """Measure in a new process, into an empty folder."""
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.scaling", "--one", str(source), str(output)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak


def measure(source: Path, output: Path) -> tuple[float, float]:
    """Preprocess in this process: seconds, and its peak memory in MB."""
    started = time.perf_counter()
    preprocess(
        source, output, detector="stored", precision="float32", crop="auto", image_size=64,
        frames_per_video=9, jpeg_quality=95, workers=1, shard="1/1", limit=None,
        overwrite=False, dry_run=False, devices=["cpu"], seed=0,
        gates=Gates(**vars(config.Gates())),
    )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.perf_counter() - started, peak


if __name__ == "__main__":
    main()
