"""Who may import whom (the house rules), read from the code itself."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEAVES = {"dataset", "network", "loss", "metric"}
BASE = {"system", "pretrained"}
SCRIPTS = {path.stem for path in ROOT.glob("*.py")} - {"cli", "config"}
OWN = (
    LEAVES
    | SCRIPTS
    | {"system", "drawn_heads", "training", "inference", "evaluation", "cli", "config"}
)
ALLOWED = {
    "system": {"system"},
    "pretrained": {"pretrained", "system"},
    **{leaf: {leaf, *BASE} for leaf in LEAVES},
    "drawn_heads": {"drawn_heads", "dataset", "system"},
    "training": {"training", *BASE, *LEAVES},
    "inference": {"inference", *BASE, *LEAVES},
    "evaluation": {"evaluation", "training", "inference", "drawn_heads", *BASE, *LEAVES},
    "config": set(),
    "cli": set(),
    **dict.fromkeys(SCRIPTS, OWN - SCRIPTS),
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_what_lies_below_it(room):
    files = list((ROOT / room).rglob("*.py")) or [ROOT / f"{room}.py"]
    for path in files:
        assert imported(path) & OWN <= ALLOWED[room], path.relative_to(ROOT)


def test_config_imports_the_standard_library_alone():
    assert imported(ROOT / "config.py") <= sys.stdlib_module_names
