"""Where checkpoints lie; known without importing PyTorch."""

from pathlib import Path

from system.outputs import Input

CHECKPOINT_SUFFIX = ".pt"
LAST = "last.pt"


def inputs_of_checkpoint(path: Path, option: str = "--checkpoint") -> list[Input]:
    """List what is read of a checkpoint, so that nothing is written over it.

    Args:
        path: a file, or a run's folder.
        option: where the user has named it.
    """
    path = Path(path)
    if not path.is_dir():
        return [Input(option, path)]
    steps = Input(f"the checkpoints of {option}", path / "checkpoints", (CHECKPOINT_SUFFIX,))
    return [Input(option, path), Input(f"{LAST} of {option}", path / LAST), steps]
