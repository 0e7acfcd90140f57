"""Drawn heads, preprocessed once for all tests, and three ways to run the scripts."""

import contextlib
import functools
import io
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drawn_heads.videos import write_heads

# So that their assertions tell what they saw.
pytest.register_assert_rewrite("tests.runs", "tests.talking_head.onnx_files")
# face-alignment compiles a small function in each process, for longer than these tests use it.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
# Who begins the tests in the background has them ignore signals, and all that they start.
for _name in ("SIGINT", "SIGQUIT", "SIGHUP"):
    _signal = getattr(signal, _name, None)  # not on every system
    if _signal and signal.getsignal(_signal) is signal.SIG_IGN:
        usual = signal.default_int_handler if _name == "SIGINT" else signal.SIG_DFL
        signal.signal(_signal, usual)
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


def call_file(name: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run one of the project's scripts from its file, as Python does, but in this process."""
    return call_script(
        lambda: runpy.run_path(str(ROOT / name), run_name="__main__"), name, *arguments
    )


def leave_half_written(path: Path) -> None:
    """Be killed, in a process of its own, in the middle of writing `path`."""
    script = (
        "import os, sys; from pathlib import Path; from system.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as partial:\n"
        "    partial.write_bytes(b'half'); os._exit(9)"
    )
    assert run_script("-c", script, path).returncode == 9


def preprocessed(heads: Path, folder: Path, frames: int, size: int = 64) -> Path:
    """Preprocess drawn heads, keeping so many frames of each."""
    import preprocess

    done = call_script(
        preprocess.main, "preprocess.py", "--source", heads, "--output", folder,
        "--detector", "stored", "--image-size", size, "--frames-per-video", frames, "--workers", 1,
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


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """An empty `checkpoints` folder of a torch hub; whatever would be downloaded fails."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def vgg_weights(tmp_path_factory) -> Path:
    """A torch hub folder with random weights of VGG19 and VGGFace under the real names."""
    import torch
    from torchvision.models import vgg16, vgg19

    from pretrained.vgg19 import CONVENTIONS
    from pretrained.vggface import LAYERS

    def random_weights(architecture: Callable[..., torch.nn.Module]) -> dict[str, torch.Tensor]:
        with torch.device("meta"):
            shapes = architecture(weights=None, init_weights=False).features.state_dict()
        state = {}
        for key, shape in shapes.items():
            reach = (6 / shape[0].numel()) ** 0.5 if shape.ndim > 1 else 0.1
            state[f"features.{key}"] = torch.empty(shape.shape).uniform_(-reach, reach)
        return state

    hub = tmp_path_factory.mktemp("torch") / "hub"
    (hub / "checkpoints").mkdir(parents=True)
    torch.manual_seed(0)
    objects = random_weights(vgg19)
    for convention in CONVENTIONS.values():
        torch.save(objects, hub / "checkpoints" / Path(convention.url).name)
    faces = random_weights(vgg16)
    renamed = {
        f"{name}.{part}": faces[f"{torchvision}.{part}"]
        for name, torchvision in LAYERS.items()
        for part in ("weight", "bias")
        if f"{torchvision}.{part}" in faces  # the file's fc6 and fc7 are half a gigabyte
    }
    torch.save(renamed | {"fc8.weight": torch.zeros(1)}, hub / "vgg_face_dag.pth")
    return hub


@pytest.fixture(scope="session")
def vgg(vgg_weights) -> Callable:
    """Load a network of the content loss by name, once for all tests: they do not change it."""
    import torch

    from pretrained.vgg19 import load_vgg19
    from pretrained.vggface import load_vggface

    @functools.cache
    def load(name: str) -> torch.nn.Module:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.hub, "get_dir", lambda: str(vgg_weights))
            if name == "vggface":
                return load_vggface(vgg_weights / "vgg_face_dag.pth")
            return load_vgg19(name)

    return load
