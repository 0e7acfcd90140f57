"""Whatever ends a run, the same command goes on, and the result is that of an undisturbed run."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

import config
from dataset.preparation.quality import Gates
from dataset.store import read_manifest, read_record, read_videos
from system.processes import interrupts_held
from tests.conftest import PATIENCE, ROOT
from tests.dataset.preparation.test_pipeline import contents, work

LARGER = {"image_size": 128, "frames_per_video": 12}  # so that each video takes a while
SLOW = pytest.mark.slow
AS_OPTIONS = [f"--{name.replace('_', '-')}={value}" for name, value in LARGER.items()]


def test_a_worker_killed_by_the_system_ends_the_run_in_one_line(tree, tmp_path):
    killer = tmp_path / "killer.py"
    killer.write_text(KILLER)
    done = start(killer, tree, tmp_path / "out", "--workers", "2")
    _, err = done.communicate(timeout=PATIENCE)
    assert done.returncode == 1, err
    assert "the system has killed a worker" in err
    assert "Traceback" not in err


KILLER = """
import os, signal, sys
sys.argv[0] = "preprocess.py"
import cli, dataset.preparation.job, preprocess

def make_record(video, *_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

dataset.preparation.job.make_record = make_record
if __name__ == "__main__":
    cli.run(preprocess.main)
"""


def start(script, source, output, *options):
    return subprocess.Popen(
        [
            sys.executable, str(script), "--source", str(source), "--output", str(output),
            "--detector", "stored", "--image-size", "32", "--frames-per-video", "5", *options,
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Where the tests themselves run in the background of a shell, Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        text=True,
        start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize(("moments", "videos"), [(4, 40), pytest.param(20, 150, marks=SLOW)])
def test_killed_at_random_moments_and_restarted_the_result_is_the_same(
    many, tmp_path, moments, videos
):
    whole, output, rng = tmp_path / "whole", tmp_path / "killed", random.Random(0)
    work(many, whole, gates=Gates(**vars(config.Gates())), limit=videos, **LARGER)
    options = [*AS_OPTIONS, f"--limit={videos}"]
    for trial in range(moments):
        process = start("preprocess.py", many, output, "--workers", str(1 + trial % 2), *options)
        if trial % 4:  # at some of its first records, else at any moment from its start on
            target = count(output) + rng.randrange(1, 5)
            while process.poll() is None and count(output) < target:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.01))
        else:
            time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL, f"trial {trial} was over too early"
    assert moments < count(output) < videos
    process = start("preprocess.py", many, output, "--workers", "1", *options)
    assert process.wait(PATIENCE) == 0
    assert contents(output) == contents(whole)


@pytest.mark.parametrize("videos", [30, pytest.param(150, marks=SLOW)])
def test_two_runs_at_once_on_one_output_do_not_harm_each_other(many, tmp_path, videos):
    work(many, tmp_path / "whole", gates=Gates(**vars(config.Gates())), limit=videos)
    output, limit = tmp_path / "shared", f"--limit={videos}"
    runs = [start("preprocess.py", many, output, "--workers", str(n), limit) for n in (1, 2)]
    assert [run.wait(PATIENCE) for run in runs] == [0, 0]
    assert contents(output) == contents(tmp_path / "whole")
    assert read_videos(output) == read_videos(tmp_path / "whole")
    assert set(read_manifest(output)) == set(read_manifest(tmp_path / "whole"))


def count(output):
    return sum(1 for _ in output.rglob("*.pkl")) if output.exists() else 0


@pytest.mark.parametrize(
    "delay", [0.6, pytest.param(0.8, marks=SLOW), 1.0, pytest.param(1.2, marks=SLOW)]
)
def test_ctrl_c_while_workers_start_is_quiet(many, tmp_path, delay):
    process = start("preprocess.py", many, tmp_path, "--workers", "2")
    while process.poll() is None and not (tmp_path / "data.json").exists():
        time.sleep(0.002)
    time.sleep(delay - 0.6)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode in (0, 130)  # or it was done before
    assert "Traceback" not in err


def test_ctrl_c_that_another_thread_takes_is_held_back_too():
    over = threading.Event()
    other = threading.Thread(target=over.wait)  # like those of OpenBLAS: it blocks no signal
    other.start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    taken, take = socket.socketpair()
    take.setblocking(False)
    signal.set_wakeup_fd(take.fileno())
    finished = False
    try:
        with taken, take, pytest.raises(KeyboardInterrupt), interrupts_held():
            os.kill(os.getpid(), signal.SIGINT)
            taken.settimeout(PATIENCE)
            assert taken.recv(1) == bytes([signal.SIGINT])
            finished = True
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, before)
        over.set()
        other.join()
    assert finished


def test_ctrl_c_leaves_whole_files_only_and_no_workers(many, tmp_path):
    process = start("preprocess.py", many, tmp_path, "--workers", "2", *AS_OPTIONS)
    while process.poll() is None and count(tmp_path) < 10:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
    # It returns when the workers, too, have closed stderr.
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not list(tmp_path.rglob(".partial*"))
    for path in tmp_path.rglob("*.pkl"):
        read_record(path)
    for line in (tmp_path / "manifest.jsonl").read_text().splitlines():
        assert json.loads(line)["ok"]
