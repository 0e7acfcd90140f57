"""Detectors in processes of their own; most are plain ones, that start quickly."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from dataset.detection.detector import LARGEST_SIDE
from dataset.detection.kinds import create_detector
from dataset.detection.process import (
    FACE_ALIGNMENT,
    MOST_FRAMES,
    DetectorFailure,
    detector_processes,
)
from system.processes import run_jobs
from tests.conftest import PATIENCE, ROOT
from tests.dataset.conftest import face_points
from tests.dataset.detection.plain import PlainDetector, ask, job, wait_for


@pytest.fixture
def plain():
    """Two processes for up to four clients."""
    with detector_processes(["cpu", "cpu"], 4, PlainDetector) as clients:
        yield clients
    assert multiprocessing.active_children() == []


@contextlib.contextmanager
def busy(detector, folder):
    """Keep the detector's process busy during the block; yield the future of its answer."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, detector, folder / "busy")
        wait_for(folder / "busy")
        try:
            yield answer
        finally:
            (folder / "go on").touch()


def detect_one(detector, frame, near):
    return detector.detect([frame], [(Path("clip"), 0)], [near])[0]


def test_each_client_gets_its_own_answers_and_clients_are_spread_over_the_processes(plain):
    detectors = [plain() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        rounds = [
            list(pool.map(lambda n: ask(detectors[n], pixel=50 * n, count=n + 1), range(4)))
            for _ in range(5)
        ]
    first, second, *others = [process for _, process in rounds[0]]
    assert first != second
    assert others == [first, second]
    assert {detector.name for detector in detectors} == {"face-alignment"}


def test_worker_processes_take_a_detector_each(plain, tmp_path):
    results = list(run_jobs(job, [(pixel, tmp_path) for pixel in range(40)], 2, plain))
    assert len(results) == 40
    assert len({worker for _, worker, _ in results}) == len({server for server, *_ in results}) == 2
    assert {name for *_, name in results} == {"face-alignment"}


def test_no_more_clients_than_agreed(plain):
    for _ in range(4):
        plain()
    with pytest.raises(DetectorFailure, match="all 4 detectors are taken"):
        plain()


def test_fewer_clients_need_fewer_processes():
    with detector_processes(["cpu", "cpu", "cpu"], 1, PlainDetector) as clients:
        assert len(multiprocessing.active_children()) == 1
        ask(clients())


@pytest.fixture
def looked_at_together(tmp_path, monkeypatch):
    """Let three clients ask while the process is busy: who is then looked at with how many?"""
    sent, really_send = threading.Semaphore(0), Connection.send

    def send(self, request):
        really_send(self, request)
        sent.release()

    def counts(frames_each):
        with (
            detector_processes(["cpu"], 4, PlainDetector) as clients,
            ThreadPoolExecutor(3) as pool,
        ):
            monkeypatch.setattr(Connection, "send", send)
            detectors = [clients() for _ in range(4)]
            with busy(detectors[0], tmp_path) as first:
                waiting = [pool.submit(ask, one, count=frames_each) for one in detectors[1:]]
                for _ in range(4):
                    assert sent.acquire(timeout=PATIENCE)
            assert first.result()[0] == 1
            return [one.result()[0] for one in waiting]

    return counts


def test_frames_that_have_waited_are_looked_at_together(looked_at_together):
    assert looked_at_together(2) == [6, 6, 6]


def test_no_more_frames_than_agreed_are_looked_at_together_and_none_waits_for_ever(
    looked_at_together,
):
    counts = sorted(looked_at_together(MOST_FRAMES // 2))
    assert counts == [MOST_FRAMES // 2, MOST_FRAMES, MOST_FRAMES]


def test_large_frames_are_shrunk_before_they_are_sent(plain):
    frame, near = np.zeros((64, 2 * LARGEST_SIDE, 3), np.uint8), face_points(99, 30, 20)
    found = plain().detect([frame], [(Path("clip"), 0)], [near])[0]
    assert (found[4, 0] + 0.5) / 2 - 0.5 == LARGEST_SIDE
    assert np.allclose(found[6:], near[6:], atol=1e-3)


def test_an_error_reaches_the_clients_in_one_line_and_the_process_goes_on(plain):
    detector = plain()
    with pytest.raises(DetectorFailure, match=r"on cpu fails: .*CUDA out of memory$") as error:
        ask(detector, "out of memory")
    assert "\n" not in str(error.value)
    assert not isinstance(error.value, ValueError | OSError)  # those are a video's fault
    ask(detector)


def test_a_process_that_is_killed_fails_its_clients_at_once(plain, tmp_path):
    detectors = [plain() for _ in range(4)]
    with busy(detectors[1], tmp_path) as other:
        with pytest.raises(DetectorFailure, match="process on cpu has ended") as error:
            ask(detectors[0], "killed")
        assert "\n" not in str(error.value)
        with pytest.raises(DetectorFailure, match="has ended"):
            ask(detectors[2])  # of the same process
        assert not other.done()
    other.result()  # of the other process


def test_the_failure_reaches_the_caller_of_the_workers(plain):
    with pytest.raises(DetectorFailure, match="has ended"):
        list(run_jobs(ask, [("killed",)] * 4, 2, plain))


def test_ctrl_c_is_left_to_the_parent(plain):
    detector = plain()
    _, process = ask(detector)
    os.kill(process, signal.SIGINT)
    assert ask(detector)[1] == process


@pytest.mark.parametrize(
    ("devices", "error", "message"),
    [
        (["cpu", "wrong"], ValueError, "^there is no such device$"),
        (["deadly", "cpu"], DetectorFailure, "process on deadly has ended"),
    ],
)
def test_a_process_that_does_not_start_is_an_error_before_any_work(devices, error, message):
    with (
        pytest.raises(error, match=message),
        detector_processes(devices, 2, PlainDetector),
    ):
        raise AssertionError("it has started")
    assert multiprocessing.active_children() == []


def test_no_process_outlives_an_error_in_the_context_even_if_it_is_busy(tmp_path):
    def fails(detector):
        with pytest.raises(DetectorFailure, match="has ended"):
            ask(detector, tmp_path / "busy")

    with ThreadPoolExecutor(1) as pool:
        with (
            pytest.raises(KeyError, match="stop"),
            detector_processes(["cpu", "cpu"], 2, PlainDetector) as clients,
        ):
            asked = pool.submit(fails, clients())
            wait_for(tmp_path / "busy")
            raise KeyError("stop")
        left = multiprocessing.active_children()
        (tmp_path / "go on").touch()  # for one that is left
        assert left == []
        asked.result(timeout=PATIENCE)


PARENT = """
import time
from tests.dataset.detection.plain import PlainDetector, ask
from dataset.detection.process import detector_processes
if __name__ == "__main__":
    with detector_processes(["cpu"], 1, PlainDetector) as clients:
        print(ask(clients())[1], flush=True)
        time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_processes_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        child = Path("/proc", parent.stdout.readline().strip())
        assert child.exists()
        parent.kill()
        parent.wait()
        end = time.monotonic() + PATIENCE
        while child.exists() and "State:\tZ" not in (child / "status").read_text():
            assert time.monotonic() < end
            time.sleep(0.05)


def short(device):
    """Make the real detector with one of FAN's four hourglasses."""
    from tests.dataset.faces import shorten

    detector = create_detector("face-alignment", device)
    shorten(detector)
    return detector


@pytest.mark.parametrize(
    ("make", "devices"),
    [(short, ["cpu"]), pytest.param(FACE_ALIGNMENT, ["cpu", "cpu"], marks=pytest.mark.slow)],
)
def test_the_real_detector_finds_the_same_here_and_there(random_networks, make, devices):
    noise = np.random.default_rng(0).integers(0, 80, (2, 64, 64, 3), dtype=np.uint8)
    near = [face_points(32, 32, 30), None]
    with detector_processes(devices, 2, make) as clients, ThreadPoolExecutor(2) as pool:
        remotes = [clients(), clients()]
        there = list(pool.map(detect_one, remotes, noise, near))
    local = make("cpu")
    here = [detect_one(local, *one) for one in zip(noise, near, strict=True)]
    assert np.isfinite(here).all()
    assert np.array_equal(there, here)


def test_weights_that_do_not_load_are_the_same_error_here_and_there(tmp_path, monkeypatch):
    from dataset.detection.face_alignment import WEIGHTS

    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    for url in WEIGHTS:
        (folder / Path(url).name).write_bytes(b"cut in half")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with (
        pytest.raises(ValueError, match=r"does not start with .* on cpu"),
        detector_processes(["cpu"], 1),
    ):
        raise AssertionError("it has started")
