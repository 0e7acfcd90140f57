"""Data and models of another detector than the tests' own, and what is said of them."""

import json
import shutil
from pathlib import Path
from subprocess import CompletedProcess

from dataset.store import read_record, write_record
from training.checkpoint import load, save_model

OTHER = "face-alignment"  # all that the tests preprocess is "stored"


def of_other_detector(record: Path, to: Path) -> Path:
    """Copy a record, as if another detector had found its landmarks."""
    write_record(to, read_record(record)._replace(detector=OTHER))
    return to


def folder_of_other_detector(folder: Path, to: Path) -> Path:
    """Copy a folder of records, as if another detector had found the landmarks of all of them."""
    shutil.copytree(folder, to)
    for record in to.rglob("*.pkl"):
        of_other_detector(record, record)
    settings = json.loads((to / "data.json").read_text())
    (to / "data.json").write_text(json.dumps(settings | {"detector": OTHER}))
    return to


def model_of_other_detector(run: Path, to: Path) -> Path:
    """Export a run, as if another detector had found the landmarks of its data."""
    payload = load(run, "run")
    payload["config"]["data"] |= {"detector": OTHER}
    save_model(payload, to)
    return to


def warnings_of(done: CompletedProcess) -> list[str]:
    """List what a script has warned of landmarks, and check that it has gone on."""
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith("warning: the landmarks")]
