"""Signals leave nothing half-written and are quiet, in every script and at every moment."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli
import demo
import infer
import train
from system.files import replacing
from system.interruption import Interruption
from tests.conftest import PATIENCE, ROOT, call_script, leave_half_written

UNWOUND = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


@contextlib.contextmanager
def started(*words: object, **environment: object) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""} | {k: str(v) for k, v in environment.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def wait_for(path: Path, process: subprocess.Popen | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert process is None or process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def writing_is_stopped_by(path: Path, *numbers: int, tidied: list[str] | None = None) -> int | str:
    """Run a script that is signalled in the middle of writing; give its exit status."""

    def script() -> None:
        with replacing(path) as partial:
            partial.write_bytes(b"half")
            try:
                os.kill(os.getpid(), numbers[0])
                time.sleep(PATIENCE)
            finally:
                for number in numbers[1:]:
                    os.kill(os.getpid(), number)
                if tidied is not None:
                    tidied.append(partial.name)

    with pytest.raises(SystemExit) as stop:
        cli.run(script)
    return stop.value.code


@pytest.mark.parametrize("number", UNWOUND)
def test_a_signal_in_the_middle_of_writing_is_quiet_and_leaves_nothing(tmp_path, number, capsys):
    before = [signal.getsignal(each) for each in UNWOUND]
    assert writing_is_stopped_by(tmp_path / "me.mp4", number) == 128 + number
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")
    assert [signal.getsignal(each) for each in UNWOUND] == before


@pytest.mark.parametrize("first", UNWOUND)
@pytest.mark.parametrize("second", UNWOUND)
def test_the_echo_of_a_signal_does_not_disturb_the_tidying_up(tmp_path, first, second):
    tidied = []
    status = writing_is_stopped_by(tmp_path / "me.mp4", first, second, second, tidied=tidied)
    assert status == 128 + first
    assert len(tidied) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inside", [cli.run, lambda script: run_interruptible(script)])
def test_a_hangup_that_is_ignored_as_under_nohup_stays_so(inside):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    done = []
    try:
        inside(lambda: (os.kill(os.getpid(), signal.SIGHUP), done.append(True)))
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert done == [True]


def run_interruptible(script) -> None:
    with Interruption() as interruption:
        script()
    assert interruption.signal is None


def test_meta_learning_saves_when_its_terminal_is_closed():
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGHUP)
        assert interruption.signal == signal.SIGHUP


def test_a_script_in_a_thread_leaves_signals_to_the_main_one():
    done = []
    thread = threading.Thread(target=lambda: cli.run(lambda: done.append(True)))
    thread.start()
    thread.join()
    assert done == [True]


WRITING = """
import os, time
from pathlib import Path
import cli, infer
from dataset.video.writing import VideoWriter
really_write = VideoWriter.write

def write(self, *words):
    really_write(self, *words)
    Path(os.environ["TOLD"]).touch()
    time.sleep(600)

VideoWriter.write = write
cli.run(infer.main)
"""


@pytest.fixture(scope="module")
def head(trained, heads, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("head") / "me.pt"
    words = ["--source", sorted(heads.rglob("*.mp4"))[0], "--shots", 1, "--steps", 0]
    words += ["--detector", "stored", "--output", path]
    done = call_script(train.main, "train.py", "finetune", "--checkpoint", trained, *words)
    assert done.returncode == 0, done.stderr
    return path


def test_infer_that_is_ended_while_it_writes_leaves_nothing(head, heads, tmp_path):
    words = ["--checkpoint", head, "--driving", sorted(heads.rglob("*.mp4"))[0]]
    words += ["--detector", "stored", "--output", tmp_path / "out" / "me.mp4"]
    with started("-c", WRITING, *words, TOLD=tmp_path / "writing") as process:
        wait_for(tmp_path / "writing", process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in err
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next(head, heads, trained, tmp_path):
    clip = sorted(heads.rglob("*.mp4"))[0]
    quick = ["--detector", "stored", "--device", "cpu"]
    for main, words in (
        (infer.main, ["infer.py", "--checkpoint", head, "--driving", clip, *quick]),
        (train.main, ["train.py", "finetune", "--checkpoint", trained, "--source", clip,
                      "--steps", 0, "--shots", 1, *quick]),
        (train.main, ["train.py", "export", "--checkpoint", trained]),
    ):  # fmt: skip
        output = tmp_path / "out" / f"me{'.mp4' if main is infer.main else '.pt'}"
        leave_half_written(output)
        assert list(output.parent.glob(".partial-*"))
        done = call_script(main, *words, "--output", output)
        assert done.returncode == 0, done.stderr
        assert not list(output.parent.glob(".partial-*"))


STAGE = """
import signal, sys, time
from pathlib import Path

def tidy_up(*_):
    time.sleep(0.3)
    Path("tidied").touch()
    sys.exit(143)

signal.signal(signal.SIGTERM, tidy_up)
Path("started").touch()
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_demo_passes_a_signal_on_and_waits_until_its_script_has_tidied_up(
    tmp_path, monkeypatch, number
):
    (tmp_path / "stage.py").write_text(STAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "HERE", tmp_path)

    def signal_when_started() -> None:
        wait_for(tmp_path / "started")
        os.kill(os.getpid(), number)

    threading.Thread(target=signal_when_started).start()
    with pytest.raises(SystemExit) as stop:
        cli.run(lambda: demo.script("stage.py"))
    assert stop.value.code == 128 + number
    assert (tmp_path / "tidied").exists()


SLOW_TORCH = """
import os, time
from pathlib import Path
Path(os.environ["TOLD"]).touch()
time.sleep(600)
"""


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_ctrl_c_while_pytorch_is_imported_is_quiet(tmp_path, script):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(SLOW_TORCH)
    told = tmp_path / "importing"
    with started(script, "--help", PYTHONPATH=tmp_path, TOLD=told) as process:
        wait_for(told)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (out, err) == ("", "")
    assert process.returncode == -signal.SIGINT, "a shell calls it 130"


def test_importing_a_script_elsewhere_leaves_ctrl_c_as_it_is():
    show = "import signal, train; print(signal.getsignal(signal.SIGINT).__name__)"
    with started("-c", show) as process:
        assert process.communicate(timeout=PATIENCE)[0] == "default_int_handler\n"
