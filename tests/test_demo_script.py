"""demo.py from a model that has been learnt already; CI's short demo trains one."""

import contextlib
import sys
from types import SimpleNamespace

import pytest

import demo
from tests.conftest import ROOT, call_file, call_script, run_script
from tests.provenance import warnings_of

SHORT = ("--preset", "short", "--unseen-people", "2", "--driving-frames", "4")


@pytest.fixture
def called(monkeypatch):
    """Run the demo in this process, and in it the scripts that it would start."""
    printed = []

    class Called(contextlib.nullcontext):
        def __init__(self, words):
            super().__init__(self)
            python, script, *options = words
            assert python == sys.executable
            self.done = call_file(script.removeprefix(f"{ROOT}/"), *options)
            printed.append(self.done.stderr)

        def wait(self):
            return self.done.returncode

    def call(*words):
        done = call_script(demo.main, "demo.py", *words)
        done.stderr += "".join(printed)
        return done

    monkeypatch.setattr(demo, "subprocess", SimpleNamespace(Popen=Called))
    monkeypatch.setattr("evaluation.outputs.write_figures", lambda summary, folder: [])  # slow
    return call


@pytest.fixture
def started():
    """Run the demo as a user does, in a process that starts others."""
    return lambda *words: run_script("demo.py", *words)


@pytest.mark.parametrize("way", ["called", pytest.param("started", marks=pytest.mark.slow)])
def test_the_demo_starts_from_a_run_that_is_named_and_trains_nothing(
    trained, tmp_path, way, request
):
    out = tmp_path / "demo"
    done = request.getfixturevalue(way)("--output", out, "--checkpoint", trained, *SHORT)
    assert warnings_of(done) == [], "everything is stored"
    for left in ("animation.mp4", "contact_sheet.png", "metrics.json", "evaluation/table.md"):
        assert (out / left).stat().st_size > 0
    assert "train.py --preset" not in done.stdout
    assert sorted(path.name for path in (out / "data").iterdir()) == ["unseen"]


def test_a_demo_from_a_checkpoint_that_is_missing_says_so_and_draws_nothing(tmp_path):
    out = tmp_path / "demo"
    done = call_file("demo.py", "--output", out, "--checkpoint", tmp_path / "no.pt")
    assert done.returncode != 0
    assert done.stderr.splitlines() == [f"demo.py: no checkpoint {tmp_path / 'no.pt'}"]
    assert not out.exists()
