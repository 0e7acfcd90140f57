import gc
import sys

import pytest
from tqdm import tqdm

from system.progress import progress_bar


def test_ctrl_c_while_a_bar_is_made_is_quiet(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    monkeypatch.setattr(tqdm, "_get_free_pos", interrupted)
    with pytest.raises(KeyboardInterrupt):
        progress_bar(total=3)
    gc.collect()
    assert not unraisable


def test_a_bar_that_is_dropped_half_way_ends_its_line(capsys):
    bar = progress_bar(total=3)
    bar.update()
    del bar
    gc.collect()
    assert capsys.readouterr().err.endswith("\n")
