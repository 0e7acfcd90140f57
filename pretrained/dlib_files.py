"""Where dlib's trained models lie, which come with a package."""

from importlib.util import find_spec
from pathlib import Path

from system.weights import MissingWeights

PACKAGE = "face-recognition-models"


def model_file(name: str) -> Path:
    """Return one of dlib's trained models, by its file name, without importing the package.

    Raises:
        MissingWeights: the package, or this file of it, is not installed.
    """
    spec = find_spec(PACKAGE.replace("-", "_"))
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise MissingWeights(f"dlib's {name} is not installed: pip install {PACKAGE}")
