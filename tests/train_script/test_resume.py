"""train.py goes on from where it was stopped, killed or damaged, and ends with the same bits."""

import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

import train
from tests.conftest import PATIENCE, TINY, leave_half_written
from tests.processes import wait_for
from tests.runs import assert_one_line, assert_same_run, call_tiny, train_undrawn, weights
from tests.train_script.conftest import RESUMABLE
from training.checkpoint import load
from training.loops import MetaLearning


def hold(folder: Path, at: int, main: Callable[[], None]) -> None:
    """Be train.py, but wait after `at` steps for a file, so that the run is not over too early.

    In `folder` it writes a file "held" and waits for "go on".
    """
    really_take_step = MetaLearning.take_step

    def take_step(self, batch):
        if self.step == at:
            (folder / "held").touch()
            while not (folder / "go on").exists():
                time.sleep(0.01)
        return really_take_step(self, batch)

    MetaLearning.take_step = take_step
    main()


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_ends_with_the_same_bits_as_an_undisturbed_one(
    data, undisturbed, start, tmp_path, stop
):
    broken = tmp_path / "broken"
    held = partial(hold, tmp_path, 2, train_undrawn)
    process = start(held, tmp_path / "said", "--data", data, "--run", broken, *TINY, *RESUMABLE)
    wait_for(tmp_path / "held", process.is_alive)
    os.kill(process.pid, stop)
    (tmp_path / "go on").touch()
    process.join(PATIENCE)
    stopped_at, _ = weights(broken)
    assert stopped_at == (2 if stop == signal.SIGKILL else 3), "its step is done and saved"
    assert process.exitcode == (-stop if stop == signal.SIGKILL else 128 + stop)
    resumed = call_tiny(data, broken, *RESUMABLE, "--workers", 1)
    assert resumed.returncode == 0, resumed.stderr
    assert f"going on from step {stopped_at}" in resumed.stdout
    assert_same_run(undisturbed, broken)


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_kills_at_random_moments_leave_the_same_run_as_no_kill(data, start, tmp_path, kills):
    # Every step logs, samples and saves, so most kills hit a file that is being written.
    steps = 2 * kills + 1
    busy = ["--steps", steps, "--save-every", 1, "--log-every", 1, "--sample-every", 1]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert call_tiny(data, whole, *busy).returncode == 0
    moments = random.Random(0)
    reached = 0
    for most in range(2, steps, 2):
        held = partial(hold, tmp_path, most, train.main)
        process = start(held, tmp_path / "said", "--data", data, "--run", broken, *TINY, *busy)
        wait_for(broken / "checkpoints" / f"{reached + 1:08d}.pt", process.is_alive)
        time.sleep(moments.uniform(0, 0.4))
        process.kill()
        process.join(PATIENCE)
        assert process.exitcode == -signal.SIGKILL
        stopped_at, _ = weights(broken)
        assert reached < stopped_at <= most
        reached = stopped_at
    leave_half_written(broken / "samples" / f"{steps:08d}.png")
    assert call_tiny(data, broken, *busy).returncode == 0
    assert_same_run(whole, broken)
    names = [sorted(p.name for p in run.rglob("*") if p.is_file()) for run in (whole, broken)]
    assert names[0] == names[1], "nothing half-written is left behind"


def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(data, tmp_path):
    arguments = ["--save-every", 1, "--keep", 2]
    assert call_tiny(data, tmp_path / "run", *arguments, "--steps", 2).returncode == 0
    for name in ("last.pt", "checkpoints/00000002.pt"):
        path = tmp_path / "run" / name
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content[: len(content) // 2])
    resumed = call_tiny(data, tmp_path / "run", *arguments, "--steps", 3)
    assert "going on from step 1" in resumed.stdout, resumed.stderr


def test_a_full_disk_ends_the_run_in_one_line_and_loses_nothing(data, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    full = (run / "last.pt").stat().st_size // 2  # bytes: no file may become larger
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, most))
    try:
        done = call_tiny(data, run, "--steps", 6)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
    assert_one_line(done, "cannot write", "00000006.pt")
    assert not list(run.rglob(".partial*"))
    assert (run / "last.pt").read_bytes() == (trained / "last.pt").read_bytes()
    assert "going on from step 4" in call_tiny(data, run, "--steps", 6).stdout


def test_a_run_of_another_format_is_refused_and_left_as_it_is(data, trained, tmp_path):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    payload = torch.load(trained / "last.pt", weights_only=True)
    torch.save(payload | {"format": 2}, run / "last.pt")
    before = (run / "last.pt").read_bytes()
    assert_one_line(call_tiny(data, run, "--steps", 5), str(run / "last.pt"), "format 3", "2")
    assert (run / "last.pt").read_bytes() == before


def test_p11_rows_of_w_follow_their_video_when_the_data_change(data, trained, tmp_path):
    changed = tmp_path / "data"
    shutil.copytree(data, changed)
    names = (changed / "videos.txt").read_text().split()
    (changed / "videos.txt").write_text("\n".join([*names[:0:-1]]) + "\n")  # one less, reversed
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    before = load(run, "run")
    done = call_tiny(changed, run, "--steps", 4)
    assert done.returncode == 0, done.stderr
    assert call_tiny(changed, run, "--steps", 5).returncode == 0
    after = load(run, "run")
    assert after["videos"] == names[:0:-1]
    old = before["networks"]["video_embeddings"]["weight"]
    new = after["networks"]["video_embeddings"]["weight"]
    unchanged = [
        (row, before["videos"].index(video))
        for row, video in enumerate(after["videos"])
        if torch.equal(new[row], old[before["videos"].index(video)])
    ]
    assert len(new) == len(names) - 1
    assert len(unchanged) >= len(new) - 2, "one step of batch 2 moves at most two rows"
    assert any(row != old_row for row, old_row in unchanged)
