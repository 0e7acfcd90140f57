"""What can this GPU do? Speed, parity and memory in at most nine minutes, most important first.

    make gpu-check                                            # into gpu-check/results.md
    make gpu-check ARGS="--data DATA --vgg19 VGG19_CAFFE"     # ends by training at 128 pixels
    python -m benchmarks.gpu --device cpu --tiny              # goes through the same motions

It needs Python, PyTorch and torchvision; what else is missing, it says where it leaves something
out. Each check has a process of its own. One that fails or takes too long is noted as such, and
the next one runs. results.json and results.md are written anew after each.
"""

import argparse
import json
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.apart import CallError, apart
from benchmarks.gpu_checks import (
    COMPILED,
    LIBRARY,
    PLAIN,
    Figures,
    Setting,
    animate,
    find_landmarks,
    fine_tune,
    load,
    machine,
    parity,
    profile,
    step,
)
from benchmarks.gpu_training import learn
from system.device import resolve_device
from system.files import replacing

LEAST = 5.0  # seconds to begin a check with
KEPT = 75.0  # seconds for the last one, which trains, where there are data
NOT_DONE = {"LeftOut", "ModuleNotFoundError", "ImportError"}  # errors that are no failures


class Check(NamedTuple):
    """One row of the table."""

    name: str
    measure: Callable[[Setting], Figures]
    seconds: float
    """It may take so many on a GPU."""
    after: str | None = None
    """Name of a check that must have gone well."""


FIRST_COMPILED = "step, compiled, batch 32"
NEEDS = {"after": FIRST_COMPILED}
GRAPHS = COMPILED._replace(cuda_graphs=True)
CHECKS = (
    Check("machine", machine, 40),
    Check("step, not compiled, batch 32", partial(step, ways=LIBRARY, batch=32), 40),
    Check(FIRST_COMPILED, partial(step, ways=COMPILED, batch=32), 150),
    Check("where the time goes, not compiled", partial(profile, ways=LIBRARY, batch=32), 45),
    Check("step, plain float32, batch 8", partial(step, ways=PLAIN, batch=8), 30),
    *(
        Check(f"step, not compiled, batch {batch}", partial(step, ways=LIBRARY, batch=batch), 30)
        for batch in (8, 16, 48)
    ),
    Check("step, CUDA graphs, batch 32", partial(step, ways=GRAPHS, batch=32), 120, **NEEDS),
    Check("compiled against not compiled", parity, 90, **NEEDS),
    Check("where the time goes, compiled", partial(profile, ways=COMPILED, batch=32), 60, **NEEDS),
    *(
        Check(f"animating, batch {batch}", partial(animate, batch=batch, compiled=False), 20)
        for batch in (1, 16)
    ),
    *(
        Check(
            f"animating, compiled, batch {batch}",
            partial(animate, batch=batch, compiled=True), 45, **NEEDS,
        )
        for batch in (1, 16)
    ),
    *(Check(f"fine-tuning, T = {shots}", partial(fine_tune, shots=shots), 40) for shots in (1, 8)),
    Check("fine-tuning, T = 32", partial(fine_tune, shots=32), 60),
    Check(
        "step, not compiled, batch 32 in 4 parts",
        partial(step, ways=LIBRARY._replace(parts=4), batch=32), 30,
    ),
    Check(
        "step, not compiled, batch 32, checkpointed embedder",
        partial(step, ways=LIBRARY._replace(checkpoint_embedder=True), batch=32), 30,
    ),
    Check("face-alignment", find_landmarks, 60),
    Check("loader", load, 45),
    Check("training at 128 pixels", learn, 540),
)  # fmt: skip


class Row(NamedTuple):
    """What came of a check."""

    name: str
    state: str
    """done, failed, or left out."""
    reason: str
    seconds: float
    figures: Figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="small networks, on any machine")
    parser.add_argument("--minutes", type=float, default=8.8, help="that it may take")
    parser.add_argument("--output", type=Path, default=Path("gpu-check"), help="folder for results")
    parser.add_argument("--data", type=Path, help="folder of preprocess.py, to train on")
    parser.add_argument("--vgg19", type=Path, help="weights to train with, in Caffe's convention")
    parser.add_argument("--most", type=int, default=64, help="cut larger batches to so many")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="rows, by how their names start")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what is being measured, too
    try:
        device = str(resolve_device(options.device))
    except ValueError as error:
        parser.error(str(error))
    setting = Setting(
        device, options.tiny, options.output, options.data, options.vgg19, options.most
    )
    checks = CHECKS
    if options.only:
        wanted = tuple(options.only)
        checks = [c._replace(after=None) for c in CHECKS if c.name.startswith(wanted)]
    run(checks, setting, 60 * options.minutes)


def run(checks: Sequence[Check], setting: Setting, seconds: float) -> list[Row]:
    """Do checks in their order until the time is over; write the results after each."""
    end, rows = time.monotonic() + seconds, []
    for check in checks:
        kept = KEPT if setting.data and check is not checks[-1] else 0.0
        row = judge(check, setting, rows, end - kept - time.monotonic())
        rows.append(row)
        write(rows, setting.output)
        print(table([row]).splitlines()[-1], flush=True)
    return rows


def judge(check: Check, setting: Setting, rows: Sequence[Row], left: float) -> Row:
    """Do one check in at most the seconds that are left."""
    known = {row.name: row.figures for row in rows if row.state == "done"}
    if left < LEAST:
        return Row(check.name, "left out", "no time was left", 0.0, {})
    if check.after is not None and check.after not in known:
        return Row(check.name, "left out", f"needs: {check.after}", 0.0, {})
    limit = left if setting.device == "cpu" else min(check.seconds, left)
    setting, started = setting._replace(seconds=limit, known=known), time.monotonic()
    state, reason, figures = "done", "", {}
    try:
        figures = apart(check.measure, setting, seconds=limit)
    except CallError as error:
        state, reason = "left out" if error.kind in NOT_DONE else "failed", str(error)
    return Row(check.name, state, reason, time.monotonic() - started, figures)


def write(rows: Sequence[Row], output: Path) -> None:
    """Write results.json and results.md, each whole."""
    for name, text in (
        ("results.json", json.dumps([row._asdict() for row in rows], indent=2) + "\n"),
        ("results.md", table(rows) + "\n"),
    ):
        with replacing(output / name) as partial_file:
            partial_file.write_text(text)


def table(rows: Sequence[Row]) -> str:
    """Lay out rows as Markdown."""
    lines = ["| check | | figures | s |", "|---|---|---|---|"]
    for name, state, reason, seconds, figures in rows:
        said = reason or "; ".join(f"{key} {shown(value)}" for key, value in figures.items())
        cells = name, state, said.replace("|", "\\|"), f"{seconds:.0f}"
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def shown(value: float | str) -> str:
    """Shorten a number to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
