"""Many processes learn as one: two on the CPU, with tiny networks."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from tests.conftest import ROOT, TINY
from tests.processes import learn_together, outcome, processes, wait_for
from tests.runs import call, train_undrawn
from training import distributed, loops
from training.checkpoint import load
from training.models import build_models, build_optimizers

STEPS, VIDEOS, SIZE = 6, 100_000, 16
# Updates in proportion to the gradient (a large eps), and small: so that rounding stays rounding,
# and is not carried over the bend of a rectifier. Five times as fast the embedder's units die.
SMOOTH = ["--precision", "float32", "--generator-lr", 0.002, "--discriminator-lr", 0.002]
SMOOTH += ["--eps", 1, "--decay", 0.5, "--steps", STEPS, "--log-every", 1, "--save-every", 2]
SMOOTH += ["--keep", 9, "--sample-every", 100, "--process-timeout", 60]


def options(data: Path, run: Path, batch: int, *more: object) -> list[str]:
    words = ["--data", data, "--run", run, *TINY, *SMOOTH, "--batch-size", batch, *more]
    return [str(word) for word in words]


def checkpoint(run: Path, step: int) -> Path:
    return run / "checkpoints" / f"{step:08d}.pt"


def flat(value: object, prefix: str = "") -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint by name."""
    if isinstance(value, torch.Tensor):
        return {prefix: value.float()}
    entries = value.items() if isinstance(value, dict) else ()
    return {k: t for key, entry in entries for k, t in flat(entry, f"{prefix}.{key}").items()}


def assert_alike(one: Path, other: Path, start: Path) -> None:
    """Equal to float32 rounding, which is little beside the way that training has gone."""
    payloads = [load(path, "run") for path in (one, other, start)]
    assert payloads[0]["step"] == payloads[1]["step"] > payloads[2]["step"]
    for part in ("networks", "average"):
        for name in payloads[0][part]:
            a, b, before = (vector(payload[part][name]) for payload in payloads)
            apart = (a - b).norm()
            assert apart <= 1e-4 * a.norm(), (part, name)
            assert apart <= 0.01 * (a - before).norm(), (part, name)
    a, b = (vector(payload["optimizers"]["video_embeddings"]["state"]) for payload in payloads[:2])
    assert (a - b).norm() <= 1e-3 * a.norm()


def vector(value: object) -> torch.Tensor:
    return torch.cat([tensor.flatten() for tensor in flat(value).values()])


# What runs in the two processes.


def learn_and_tell(folder: Path) -> None:
    """Train, then keep this process's state, and what an exchange of a large W sends."""
    learn = loops.MetaLearning.learn

    def learn_then_tell(self: loops.MetaLearning) -> int | None:
        stopped_by = learn(self)
        networks = {**self.models._asdict(), "average": torch.nn.ModuleList(self.average)}
        told = {name: network.state_dict() for name, network in networks.items()}
        told["optimizers"] = [optimizer.state_dict() for optimizer in self.optimizers]
        told["large"] = exchange_of_a_large_w()
        signals = (signal.SIGTERM if distributed.rank() == 1 else None, None)
        told["signals"] = [distributed.any_signal(number) for number in signals]
        torch.save(told, folder / f"{distributed.rank()}.pt")
        return stopped_by

    loops.MetaLearning.learn = learn_then_tell
    train_undrawn()


def exchange_of_a_large_w() -> dict[str, object]:
    """Update W of 100,000 videos once; both processes have row 7, and each has one of its own."""
    torch.manual_seed(0)
    models = build_models(VIDEOS, image_size=64, channels=8, max_channels=SIZE, attention=False)
    rates = {"generator_lr": 0.1, "discriminator_lr": 0.1}
    optimizers = build_optimizers(models, **rates, beta1=0.0, beta2=0.999, eps=1e-5)
    before = models.video_embeddings.weight.detach().clone()
    sent = []
    originals = {name: getattr(dist, name) for name in COLLECTIVES}
    for name, original in originals.items():
        setattr(dist, name, recording(original, sent))
    rows = models.video_embeddings(torch.tensor([7, 100 + distributed.rank()]))
    rows.sum().mul(1 + distributed.rank()).backward()
    distributed.average_gradients(optimizers.video_embeddings)
    gradient = models.video_embeddings.weight.grad
    optimizers.video_embeddings.step()
    for name, original in originals.items():
        setattr(dist, name, original)
    moved = (models.video_embeddings.weight != before).any(dim=1).nonzero().flatten()
    return {"gradient": gradient.coalesce(), "sent": sent, "moved": moved.tolist()}


COLLECTIVES = [
    "all_reduce", "all_gather", "all_gather_into_tensor", "broadcast", "reduce", "gather",
    "scatter", "reduce_scatter_tensor", "all_gather_object", "broadcast_object_list",
]  # fmt: skip


def recording(original, sent):
    def collective(*arguments, **keywords):
        for argument in (*arguments, *keywords.values()):
            tensors = argument if isinstance(argument, list) else [argument]
            sent.extend(t.numel() for t in tensors if isinstance(t, torch.Tensor))
        return original(*arguments, **keywords)

    return collective


def learn_with_a_broken_loss() -> None:
    """Train; in the second process alone the content loss of step 5 is not finite."""
    meta_step = loops.meta_step
    taken = []

    def broken_step(*arguments, **keywords):
        losses = meta_step(*arguments, **keywords)
        taken.append(None)
        if distributed.rank() == 1 and len(taken) == 3:  # 5, since it goes on from 2
            losses["l1"] = losses["l1"] * float("nan")
        return losses

    loops.meta_step = broken_step
    train_undrawn()


# The runs that the tests share.


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """One process with batches of 4."""
    run = tmp_path_factory.mktemp("alone") / "run"
    done = call(*options(data, run, 4))
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="module")
def together(data, tmp_path_factory):
    """Two processes with batches of 2, and what each of them had at the end."""
    folder = tmp_path_factory.mktemp("together")
    words = options(data, folder / "run", 2)
    with processes() as start:
        ends, out, err = outcome(
            learn_together(start, partial(learn_and_tell, folder), folder, *words), folder
        )
    assert ends == [0, 0], err
    told = [torch.load(folder / f"{number}.pt", weights_only=False) for number in (0, 1)]
    return folder / "run", told, out, err


@pytest.fixture
def start():
    with processes() as start_process:
        yield start_process


def test_two_processes_learn_what_one_learns_from_batches_twice_as_large(alone, together):
    run, *_ = together
    assert_alike(checkpoint(alone, STEPS), checkpoint(run, STEPS), checkpoint(alone, 2))


def test_logged_losses_are_the_mean_over_the_processes(alone, together):
    lines = [
        [json.loads(line) for line in (run / "stats.jsonl").open()] for run in (alone, together[0])
    ]
    assert [line["step"] for line in lines[1]] == list(range(1, STEPS + 1))
    for one, two in zip(*lines, strict=True):
        for name in ("l1", "adversarial", "feature_matching", "matching", "real_score", "row_norm"):
            assert two[name] == pytest.approx(one[name], rel=1e-3, abs=1e-4), (one["step"], name)


def test_all_processes_hold_the_same_bits_after_training(together):
    first, second = together[1]
    for name in ("embedder", "generator", "discriminator", "video_embeddings", "average"):
        assert any("_u" in key for key in first[name]) or name == "video_embeddings"
        for key, value in first[name].items():
            assert torch.equal(value, second[name][key]), (name, key)
    for one, other in zip(first["optimizers"], second["optimizers"], strict=True):
        one, other = flat(dict(enumerate([one]))), flat(dict(enumerate([other])))
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_signal_to_one_process_reaches_all(together):
    assert [told["signals"] for told in together[1]] == [[signal.SIGTERM, None]] * 2


def test_only_the_first_process_prints(together):
    run, _, out, err = together
    assert out.count("steps done") == 1
    assert err.count("0/6") <= 1
    assert not list(run.rglob(".partial*"))


def test_the_gradient_of_w_is_exchanged_as_rows(together):
    for told in together[1]:
        gradient, sent, moved = (told["large"][k] for k in ("gradient", "sent", "moved"))
        assert gradient.shape == (VIDEOS, SIZE)
        assert gradient.indices().tolist() == [[7, 100, 101]]
        # (1 + 2) / 2 for the row of both, 1 / 2 and 2 / 2 for each one's own
        wanted = torch.tensor([1.5, 0.5, 1.0])[:, None].expand(3, SIZE)
        torch.testing.assert_close(gradient.values(), wanted)
        assert moved == [7, 100, 101]
        assert sent
        assert sum(sent) <= 4 * 2 * (SIZE + 1), "two rows of each process, there and back"


def test_a_run_begun_alone_goes_on_together_and_stops_where_any_loss_is_broken(
    data, alone, start, tmp_path
):
    run = tmp_path / "run"
    shutil.copytree(alone, run)
    (run / "last.pt").unlink()
    for step in (4, 6):
        checkpoint(run, step).unlink()
    both = learn_together(start, learn_with_a_broken_loss, tmp_path, *options(data, run, 2))
    ends, out, err = outcome(both, tmp_path)
    assert out.count("going on from step 2") == 1
    assert ends == [1, 1]
    assert err.count("step 5: l1 is not finite") == 1, "said once"
    assert "Traceback" not in err
    assert sorted(p.stem for p in run.glob("checkpoints/*.pt"))[-1] == "00000004"
    assert_alike(checkpoint(alone, 4), checkpoint(run, 4), checkpoint(alone, 2))


def test_a_signal_to_one_process_saves_and_one_process_goes_on(data, alone, start, tmp_path):
    run = tmp_path / "run"
    both = learn_together(start, train_undrawn, tmp_path, *options(data, run, 2, "--workers", 1))
    wait_for(checkpoint(run, 2), both[1].is_alive)
    os.kill(both[1].pid, signal.SIGTERM)
    ends, out, err = outcome(both, tmp_path)
    assert ends == [128 + signal.SIGTERM] * 2, err
    goes_on_alone(out, data, alone, run)


@pytest.mark.slow
def test_sigterm_to_torchrun_saves_and_one_process_goes_on(data, alone, tmp_path):
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone",
            "--", "train.py", *options(data, run, 2, "--workers", 1)],
        cwd=ROOT,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    wait_for(checkpoint(run, 2), lambda: process.poll() is None)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0, err
    goes_on_alone(out, data, alone, run)


def goes_on_alone(out: str, data: Path, alone: Path, run: Path) -> None:
    """Two processes have been stopped, and said this: one goes on to what one alone has learnt."""
    (stopped_at,) = re.findall(r"SIGTERM: saved at step (\d)", out)
    assert load(run, "run")["step"] == int(stopped_at) < STEPS
    done = call(*options(data, run, 4))
    assert f"going on from step {stopped_at}" in done.stdout, done.stderr
    assert_alike(checkpoint(alone, STEPS), checkpoint(run, STEPS), checkpoint(alone, 2))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_killed_or_hanging_process_ends_the_run_in_one_line(data, start, tmp_path, how):
    words = options(data, tmp_path / "run", 2, "--steps", 10_000, "--process-timeout", 3)
    first, second = learn_together(start, train_undrawn, tmp_path, *words)
    wait_for(checkpoint(tmp_path / "run", 2), first.is_alive)
    began = time.monotonic()
    os.kill(second.pid, how)
    first.join(40)
    assert first.exitcode == 1
    assert time.monotonic() - began < 30
    second.kill()
    ends, _, err = outcome([first, second], tmp_path)
    assert ends == [1, -signal.SIGKILL]
    lines = re.split(r"[\r\n]", err)
    assert any(line.startswith("train.py: a process has ended or hangs: ") for line in lines)
    assert "Traceback" not in err
