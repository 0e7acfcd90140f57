"""Benchmarks, which nothing else calls, fit the code that they measure."""

import importlib
import json
import pkgutil
import time
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import benchmarks
from benchmarks import content, gpu, train_step
from benchmarks.apart import apart
from benchmarks.gpu import CHECKS, Check
from benchmarks.gpu_checks import LeftOut, Setting
from benchmarks.launches import where_time_goes
from benchmarks.paper_losses import untrained_content_loss
from benchmarks.traced import Traced, trace

NAMES = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_imported_and_says_what_it_is(name):
    assert importlib.import_module(f"benchmarks.{name}").__doc__


def test_the_papers_content_loss_without_weights_has_all_its_layers():
    loss = untrained_content_loss()
    assert len(loss.layers) == 5
    fake = torch.rand(1, 3, 32, 32).requires_grad_()
    terms = loss(fake, torch.rand(1, 3, 32, 32))
    assert terms.keys() == {"vgg19", "vggface"}
    sum(terms.values()).backward()
    assert fake.grad.isfinite().all() and fake.grad.abs().sum() > 0


@pytest.mark.parametrize("in_step", [False, True])
@pytest.mark.parametrize("name", ["pixels", "dlib's face recognition"])
def test_the_cost_of_a_term_is_measured_by_itself_and_in_a_step(name, in_step, monkeypatch):
    monkeypatch.setattr(content, "REPEATS", 1)
    monkeypatch.setattr(content, "BATCH", 1)
    task = content.Task(name, "demo", "cpu", "float32", 0, in_step)  # 0: threads as they are
    assert content.measure(task).seconds > 0


@pytest.mark.slow
@pytest.mark.parametrize("row", [next(iter(train_step.ROWS)), train_step.BFLOAT16])
def test_a_step_of_the_papers_networks_is_timed(row):
    task = train_step.Task(train_step.ROWS[row], "cpu", 1, 64, 1, 1, 1, 1)
    seconds, memory, first = apart(train_step.measure, task)  # it changes the blocks
    assert seconds > 0 and memory > 0 and first > 0


def test_a_trace_counts_the_memory_in_use_and_what_operators_move():
    with FakeTensorMode(), Traced() as traced:
        numbers = torch.empty(1024)  # 4 kB
        traced.begin()
        halves = numbers / 2
        halves.view(2, 512).add_(1)
        del numbers
        _ = halves * halves  # 12 kB moved, 8 in use
    assert traced.peak == 2 * 4096
    assert traced.moved == {"aten::div": 2 * 4096, "aten::add_": 2 * 4096, "aten::mul": 3 * 4096}


@pytest.mark.slow
def test_a_traced_step_wants_more_memory_for_more_videos_and_less_in_parts():
    ways = train_step.ROWS[train_step.BFLOAT16]._replace(keep_memory=False)
    task = train_step.Task(ways, "cpu", 0, 64, 1, 4, 1, 1, 8)
    fewer, whole, parts = (
        trace(task._replace(**changed)).peak
        for changed in ({"batch_size": 2}, {}, {"ways": ways._replace(parts=2)})
    )
    assert fewer < whole and parts < whole


def says_seven(setting: Setting) -> dict[str, float]:
    return {"figure": 7.0, "known before": len(setting.known)}


def divides_by_nothing(setting: Setting) -> dict[str, float]:
    return {"figure": 1 / 0}


def leaves_itself_out(setting: Setting) -> dict[str, float]:
    raise LeftOut("no data")


def imports_what_is_not_there(setting: Setting) -> dict[str, float]:
    importlib.import_module("no_such_package")
    return {}


def says_its_time(setting: Setting) -> dict[str, float]:
    return {"seconds": setting.seconds}


def never_ends(setting: Setting) -> dict[str, float]:
    time.sleep(600)
    return {}


@pytest.fixture
def setting(tmp_path):
    return Setting("cpu", tiny=True, output=tmp_path / "out")


def test_a_gpu_check_that_raises_is_recorded_and_the_others_run(setting):
    calls = [divides_by_nothing, says_seven, leaves_itself_out, imports_what_is_not_there]
    checks = [Check(call.__name__, call, 60) for call in calls]
    checks.append(Check("after a failure", says_seven, 60, after="divides_by_nothing"))
    checks.append(Check("after a success", says_seven, 60, after="says_seven"))
    rows = gpu.run(checks, setting, 300)
    assert [row.state for row in rows] == ["failed", "done", *["left out"] * 3, "done"]
    assert [row.reason for row in rows] == [
        "ZeroDivisionError: division by zero",
        "",
        "LeftOut: no data",
        "ModuleNotFoundError: No module named 'no_such_package'",
        "needs: divides_by_nothing",
        "",
    ]
    assert rows[-1].figures == {"figure": 7.0, "known before": 1}


@pytest.mark.parametrize(
    ("own", "whole", "next_one"), [(1.5, 300, "done"), (300, gpu.LEAST + 1, "left out")]
)
def test_a_gpu_check_that_never_ends_is_stopped_at_its_time_or_the_deadline(
    own, whole, next_one, setting
):
    checks = [Check("never", never_ends, own), Check("next", says_seven, 60)]
    never, following = gpu.run(checks, setting._replace(device="cuda"), whole)
    assert never.state == "failed" and never.reason.startswith("stopped after")
    assert never.seconds < 60
    assert following.state == next_one


def test_the_gpu_check_keeps_time_to_train_in_where_there_are_data(setting, tmp_path):
    checks = [Check("first", says_its_time, 300), Check("last", says_its_time, 300)]
    first, last = gpu.run(checks, setting._replace(data=tmp_path), gpu.KEPT + 60)
    assert first.figures["seconds"] <= 60
    assert last.figures["seconds"] > 60


def test_the_table_of_the_gpu_check_has_a_row_for_every_check_when_there_is_no_time(setting):
    gpu.run(CHECKS, setting, 0)
    rows = json.loads((setting.output / "results.json").read_text())
    assert [row["name"] for row in rows] == [check.name for check in CHECKS]
    assert {row["reason"] for row in rows} == {"no time was left"}
    lines = (setting.output / "results.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {c.name}" for c in CHECKS]


def test_views_and_new_memory_do_not_count_as_operators():
    a = torch.ones(2, 2)
    figures = where_time_goes(lambda: torch.empty(4).copy_((a @ a).view(4)), torch.device("cpu"), 1)
    assert figures["operators"] == 2  # mm, copy_


def test_an_operator_on_a_list_of_tensors_counts_once():
    many = [torch.ones(2) for _ in range(5)]
    figures = where_time_goes(lambda: torch._foreach_add_(many, 1.0), torch.device("cpu"), 1)
    assert figures["called most"] == "1 _foreach_add_"


def test_the_gpu_check_times_a_step_without_a_gpu(setting):
    checks = [check for check in CHECKS if check.name == "step, not compiled, batch 8"]
    (row,) = gpu.run(checks, setting, 300)
    assert row.reason == "" and row.figures["samples/s"] > 0


@pytest.mark.slow
def test_every_gpu_check_goes_through_its_motions_without_a_gpu(setting, tmp_path):
    options = Namespace(image_size=64, frames_per_video=3, videos=2)
    importlib.import_module("benchmarks.loader").write_records(tmp_path, options)
    rows = gpu.run(CHECKS, setting._replace(data=tmp_path), 1800)
    assert [row.reason for row in rows] == [""] * len(CHECKS)
    files = (rows[-1].figures[name] for name in ("sheet", "checkpoint", "model"))
    assert all(Path(file).is_file() for file in files)
