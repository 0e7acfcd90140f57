"""Every script lets PyTorch's waiting threads sleep, unless the environment says otherwise."""

from system.waiting import TURNS

import ast

import pytest

from tests.conftest import ROOT, run_script
from tests.test_layering import SCRIPTS


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_a_script_imports_it_before_anything_else(script):
    statements = ast.parse((ROOT / f"{script}.py").read_text()).body
    first = next(s for s in statements if isinstance(s, ast.Import | ast.ImportFrom))
    assert ast.unparse(first) == "import system.waiting"


def test_openmp_hears_of_it():
    told = run_script("train.py", "--help", env={"OMP_DISPLAY_ENV": "verbose"}).stderr
    assert f"GOMP_SPINCOUNT = '{TURNS}'" in told


def test_what_the_environment_says_is_kept():
    show = "import os, system.waiting; print(os.environ['OMP_WAIT_POLICY'])"
    assert run_script("-c", show, env={"OMP_WAIT_POLICY": "active"}).stdout == "active\n"
