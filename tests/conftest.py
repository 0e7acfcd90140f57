"""Drawn heads, preprocessed once for all tests, and two ways to run the scripts."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drawn_heads.videos import write_heads

pytest.register_assert_rewrite("tests.runs")  # so that its assertions tell what they saw
# face-alignment compiles a small function in each process, for longer than these tests use it.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
# Small tests on a busy machine: waiting threads cost more than they give.
os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).parent.parent
PEOPLE, FRAMES = 5, 12
PATIENCE = 300  # seconds until what has not happened is taken for what will not, however busy it is

# The smallest networks that have every part, and the paper's four down blocks.
TINY = [
    "--content", "l1", "--image-size", "64", "--channels", "8", "--max-channels", "16",
    "--bottleneck", "4",
    "--sources", "2", "--batch-size", "2", "--workers", "0", "--threads", "1",
]  # fmt: skip


def run_script(*arguments: object, **options: object) -> subprocess.CompletedProcess:
    """Run one of the project's scripts in a process of its own, on the CPU with one thread."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=options.pop("cwd", ROOT),
        env=environment | options.pop("env", {}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        **options,
    )


def call_script(
    main: Callable[[], None], name: str, *arguments: object
) -> subprocess.CompletedProcess:
    """Run a script's main function in this process, on the CPU: without importing PyTorch again."""
    import torch

    import cli

    out, err = io.StringIO(), io.StringIO()
    words = [name, *map(str, arguments)]
    status = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        patch.setattr(torch.cuda, "is_available", lambda: False)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.run(main)
            except SystemExit as stop:
                status = stop.code if isinstance(stop.code, int) else 1
                if status != stop.code:
                    print(stop.code, file=sys.stderr)
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def leave_half_written(path: Path) -> None:
    """Be killed, in a process of its own, in the middle of writing `path`."""
    script = (
        "import os, sys; from pathlib import Path; from system.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as partial:\n"
        "    partial.write_bytes(b'half'); os._exit(9)"
    )
    assert run_script("-c", script, path).returncode == 9


def preprocessed(heads: Path, folder: Path, frames: int) -> Path:
    """Preprocess drawn heads at 64 pixels, keeping so many frames of each."""
    done = run_script(
        "preprocess.py", "--source", heads, "--output", folder, "--detector", "stored",
        "--image-size", 64, "--frames-per-video", frames, "--workers", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def heads(tmp_path_factory) -> Path:
    """Raw videos of five drawn people, with landmarks beside them."""
    folder = tmp_path_factory.mktemp("heads")
    write_heads(folder, PEOPLE, frames=FRAMES, size=64, workers=1, progress=False)
    return folder


@pytest.fixture(scope="session")
def data(heads, tmp_path_factory) -> Path:
    """The same people preprocessed at 64 pixels, 6 frames each."""
    return preprocessed(heads, tmp_path_factory.mktemp("data"), 6)


@pytest.fixture(scope="session")
def others(data, tmp_path_factory) -> Path:
    """All of these but the last, under other ids."""
    folder = tmp_path_factory.mktemp("others")
    shutil.copytree(data, folder, dirs_exist_ok=True)
    videos = (folder / "videos.txt").read_text().split()[:-1]
    for video in videos:
        (folder / f"other-{video}.pkl").parent.mkdir(exist_ok=True)
        (folder / f"{video}.pkl").rename(folder / f"other-{video}.pkl")
    (folder / "videos.txt").write_text("".join(f"other-{video}\n" for video in videos))
    return folder


@pytest.fixture(scope="session")
def trained(data, tmp_path_factory) -> Path:
    """A run of a few steps on these people."""
    import train

    run = tmp_path_factory.mktemp("runs") / "tiny"
    done = call_script(train.main, "train.py", "--data", data, "--run", run, "--steps", 4, *TINY)
    assert done.returncode == 0, done.stderr
    return run
