"""Files of ONNX: written by train.py, and used by infer.py in a process without PyTorch."""

import train
from tests.conftest import call_script, run_script

WITHOUT_TORCH = """
import sys
class Forbidden:
    def find_spec(self, name, *rest):
        if name.split(".")[0] == "torch":
            raise AssertionError("PyTorch is imported")
sys.meta_path.insert(0, Forbidden())
import cli, infer
sys.argv = ["infer.py", *sys.argv[1:]]
cli.run(infer.main)
"""


def export(checkpoint, output, *more, formats="onnx"):
    words = ["export", "--format", formats, "--checkpoint", checkpoint, "--output", output, *more]
    return call_script(train.main, "train.py", *words)


def exported_close(checkpoint, output, kind):
    """Export a checkpoint that is such a kind; return the report, which tells of a small error."""
    done = export(checkpoint, output)
    assert done.returncode == 0, done.stderr
    assert f"a {kind} of 64 pixels" in done.stdout
    report = done.stdout.splitlines()[-1]
    assert report.startswith("greatest difference from PyTorch on 100 frames")
    assert float(report.split()[-1]) < 1e-4
    return report


def infer_without_torch(*words):
    return run_script("-c", WITHOUT_TORCH, *words)
