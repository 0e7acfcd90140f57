"""Who may import whom (the house rules), read from the code itself."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BASE = {"system", "pretrained"}
LEAVES = {"dataset", "network", "loss", "metric"}
SCRIPTS = {path.stem for path in ROOT.glob("*.py")} - {"cli", "config"}
ROOMS = {
    "drawn_heads",
    "training",
    "inference",
    "talking_head",
    "evaluation",
    "page",
    "cli",
    "config",
}
OWN = BASE | LEAVES | SCRIPTS | ROOMS
ALLOWED = {
    "system": set(),
    "pretrained": {"system"},
    **dict.fromkeys(LEAVES, BASE),
    "drawn_heads": {"dataset", "system"},
    "training": LEAVES | BASE,
    "inference": LEAVES | BASE,
    "talking_head": {"training", "inference"} | LEAVES | BASE,
    "evaluation": {"training", "inference", "drawn_heads"} | LEAVES | BASE,
    "page": {"talking_head", "inference"} | LEAVES | BASE,
    "config": set(),
    "cli": set(),
    **dict.fromkeys(SCRIPTS, OWN - SCRIPTS),
}
# Inside dataset/: what training reads stands by itself, and each room builds on those before it.
DATASET = ["video", "detection", "preparation"]


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py")) or [ROOT / f"{room}.py"]


def imports(path: Path) -> set[str]:
    """Modules that a file imports, wherever in it, with their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports have full names"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def rooms_of(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def test_every_folder_of_code_is_a_room():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - {"tests", "benchmarks"} == OWN - SCRIPTS - {"cli", "config"}


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_what_lies_below_it(room):
    for path in files(room):
        assert rooms_of(path) & OWN <= ALLOWED[room] | {room}, path.relative_to(ROOT)


@pytest.mark.parametrize("room", [".", *DATASET])
def test_inside_dataset_each_room_builds_on_those_before_it(room):
    above = DATASET if room == "." else DATASET[DATASET.index(room) + 1 :]
    for path in (ROOT / "dataset" / room).glob("*.py"):
        rooms = {name.split(".")[1] for name in imports(path) if name.startswith("dataset.")}
        assert rooms.isdisjoint(above), path.relative_to(ROOT)


def test_no_modules_import_each_other_in_a_circle():
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for room in OWN
        for path in files(room)
    }
    TopologicalSorter(
        {name: imports(path) & modules.keys() for name, path in modules.items()}
    ).prepare()


def test_config_imports_the_standard_library_alone():
    assert rooms_of(ROOT / "config.py") <= sys.stdlib_module_names
