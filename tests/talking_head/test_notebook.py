"""docs/talking_head.ipynb does what it says, from its first cell to its last."""

import ast
import json

import numpy as np
import pytest
from PIL import Image

from dataset.video.reading import probe
from talking_head import TalkingHead
from tests.conftest import ROOT

NOTEBOOK = ROOT / "docs" / "talking_head.ipynb"


@pytest.fixture
def cells():
    return json.loads(NOTEBOOK.read_text())["cells"]


def run(cell: str, names: dict) -> object:
    """Run a cell as Jupyter does; give the value of its last line, if it is one."""
    *lines, last = ast.parse(cell).body
    if not isinstance(last, ast.Expr):
        lines, last = [*lines, last], None
    exec(compile(ast.Module(lines, []), str(NOTEBOOK), "exec"), names)
    value = last and compile(ast.Expression(last.value), str(NOTEBOOK), "eval")
    return value and eval(value, names)  # noqa: S307, it is our own


def test_the_notebook_runs_and_shows_pictures(cells, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").symlink_to(ROOT / "models")
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names, shown = {"__name__": "__main__"}, []
    for cell in code:
        shorter = cell.replace("people=2, frames=50", "people=2, frames=13")
        shown.append(run(shorter.replace("steps=40", "steps=2"), names))
    pictures = [one for one in shown if isinstance(one, Image.Image)]
    assert len(pictures) == 4
    assert all(np.asarray(picture).std() > 10 for picture in pictures)
    assert (np.asarray(pictures[0]) != np.asarray(pictures[1])).any(), "fine-tuning shows"
    assert "2 of 2" in capsys.readouterr().out
    assert probe(names["OUTPUT"] / "me.mp4").frames == 13
    assert isinstance(names["again"], TalkingHead)


def test_the_notebook_is_kept_without_results_and_short(cells):
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    assert len(code) <= 12
