"""What a run keeps, whatever happens to its checkpoints, its data and its process."""

import errno
import os
import signal

import pytest
import torch

from dataset.episodes import VoxCelebDataset
from loss.content import ContentLoss
from tests.training.conftest import WEIGHTS
from training import loops
from training.checkpoint import load, newest_of_run, save_run
from training.hardware import Hardware
from training.loops import MetaLearning, Schedule
from training.models import build_models, build_optimizers

RATES = {"generator_lr": 1e-3, "discriminator_lr": 1e-3, "beta1": 0.0, "beta2": 0.999, "eps": 1e-5}


@pytest.fixture
def learning(data, tmp_path, monkeypatch):
    """Make a run of tiny networks in one folder, on the videos that are named; without curves."""
    monkeypatch.setattr(loops, "plot_curves", lambda stats, path: None)

    def make(videos=None, steps=4, seed=0, rows_on_cpu=False):
        dataset = VoxCelebDataset(data, sources=2, image_size=64)
        dataset.videos = dataset.videos if videos is None else videos
        torch.manual_seed(seed)
        models = build_models(
            len(dataset), image_size=64, channels=8, max_channels=16, attention=False
        ).to(torch.device("cpu"), rows_on_cpu)
        schedule = Schedule(steps, 2, 1, 0.0, 0.1, 0.9, 1, 100, 100, 2)
        hardware = Hardware(torch.device("cpu"), torch.float32)
        optimizers = build_optimizers(models, **RATES)
        run = tmp_path / "run"
        return MetaLearning(
            dataset, models, optimizers, ContentLoss(), WEIGHTS, schedule, hardware, run, {}
        )

    return make


def rows(run: MetaLearning) -> dict[str, dict[str, torch.Tensor]]:
    """Row of W and its two moments, of each video."""
    (state,) = run.optimizers.video_embeddings.state.values()
    tensors = {"weight": run.models.video_embeddings.weight.detach(), **state}
    return {
        video: {name: tensors[name][row].clone() for name in ("weight", "exp_avg", "exp_avg_sq")}
        for row, video in enumerate(run.dataset.videos)
    }


def test_rows_and_their_moments_follow_their_videos_when_some_go_and_others_come(learning):
    first = learning()
    first.learn()
    before = rows(first)
    gone, *kept = first.dataset.videos
    changed = [kept[2], "new/one", kept[0], kept[3], "new/two", kept[1]]
    second = learning(changed, seed=1)
    fresh = second.models.video_embeddings.weight.detach().clone()
    assert second.resume()
    after = rows(second)
    assert gone not in after
    assert any(before[video]["exp_avg_sq"].any() for video in kept)
    for video in kept:
        for name, value in before[video].items():
            assert torch.equal(after[video][name], value), (video, name)
    for row, video in enumerate(changed):
        if video.startswith("new"):
            assert torch.equal(after[video]["weight"], fresh[row])
            assert not after[video]["exp_avg"].any()
            assert not after[video]["exp_avg_sq"].any()


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def garbled(content: bytes) -> bytes:
    """A few bytes of a weight are others, as a bad disk gives them."""
    middle = len(content) // 2
    return (
        content[:middle]
        + bytes(b ^ 0x55 for b in content[middle : middle + 64])
        + (content[middle + 64 :])
    )


DAMAGE = {
    "truncated": truncated,
    "garbled": garbled,
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
    "text": lambda content: b"no checkpoint",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_the_newest_whole_checkpoint_is_taken_when_the_last_one_is_damaged(tmp_path, damage):
    for step in (1, 2):
        save_run({"networks": torch.full((10_000,), float(step))}, tmp_path, step, keep=2)
    assert newest_of_run(tmp_path)["step"] == 2
    last = tmp_path / "last.pt"
    last.write_bytes(damage(last.read_bytes()))  # the same file as checkpoints/00000002.pt
    payload = newest_of_run(tmp_path)
    assert payload["step"] == 1
    assert (payload["networks"] == 1).all()


def test_a_full_disk_leaves_the_older_checkpoints_as_they_were(tmp_path, monkeypatch):
    save_run({"networks": torch.ones(3)}, tmp_path, 1, keep=1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.pt")}

    def write_half(payload, file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch, "save", write_half)
    with pytest.raises(OSError, match=r"No space left on device.*00000002\.pt"):
        save_run({"networks": torch.ones(3)}, tmp_path, 2, keep=1)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_signal_that_comes_while_a_step_is_logged_is_saved_before_leaving(learning, monkeypatch):
    run = learning()
    run.schedule = run.schedule._replace(sample_every=1)
    monkeypatch.setattr(
        run, "show", lambda: os.kill(os.getpid(), signal.SIGTERM) if run.step == 2 else None
    )
    assert run.learn() == signal.SIGTERM
    assert load(run.run, "run")["step"] == run.step < 4


def test_w_in_host_memory_learns_the_same(learning):
    runs = [learning(rows_on_cpu=on_cpu) for on_cpu in (False, True)]
    for run in runs:
        batches = run.feed.batches(0)
        for _ in range(2):
            run.take_step(next(batches))
    for one, other in zip(*(run.models for run in runs), strict=True):
        for key, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[key]), key
