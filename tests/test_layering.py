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
# What a bare machine with a GPU has, where its speed is to be measured.
BARE = {"torch", "torchvision", "numpy"}
# Inside dataset/: what training reads stands by itself, and each room builds on those before it.
DATASET = ["video", "detection", "preparation"]


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py")) or [ROOT / f"{room}.py"]


def imports(path: Path) -> set[str]:
    """Modules that a file imports, wherever in it, with their full names."""
    return {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in names_of(node)
    }


def names_of(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Modules, and what is taken out of them, which may be modules."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    assert not node.level, f"from {node.module}: imports have full names"
    return {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}


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


def test_the_gpu_check_starts_with_what_a_bare_machine_has():
    known = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for room in [*OWN, "benchmarks"]
        for path in files(room)
    }
    names, waiting = set(), ["benchmarks.gpu"]
    while waiting:
        found = imports_at_start(known[waiting.pop()]) - names
        names |= found
        waiting += found & known.keys()
    others = {name.split(".")[0] for name in names} - OWN - {"benchmarks"}
    assert others - sys.stdlib_module_names == BARE


def imports_at_start(path: Path) -> set[str]:
    """Modules that a file imports when it is imported itself, and the packages they lie in."""
    statements = [node for node in ast.parse(path.read_text()).body if not isinstance(node, ast.If)]
    start = {
        name
        for node in statements
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in names_of(node)
    }
    return start | {".".join(name.split(".")[:depth]) for name in start for depth in (1, 2)}
