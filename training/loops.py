"""Meta-learning from the first step to the last: data, step, log, sample, checkpoint."""

import copy
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from dataset.episode import Episode
from dataset.episodes import VoxCelebDataset
from dataset.images import normalize
from loss.content import ContentLoss
from system.files import remove_stale
from system.interruption import Interruption
from system.progress import progress_bar
from training.checkpoint import newest_of_run, restore, restore_models, save_run
from training.distributed import (
    any_signal,
    average_losses,
    from_all,
    from_first,
    rank,
    ranks,
    start_equal,
)
from training.feed import DamagedRecord, Feed
from training.hardware import Hardware
from training.health import embedder_influence, finite_numbers, peak_memory, warnings
from training.models import LearningRates, Models, Optimizers, update_average
from training.monitor import StatsLog, plot_curves, read_stats, sample_grid
from training.steps import Losses, meta_step

# What lies in a run's folder.
WRITES = ("config.json", "stats.jsonl", "samples", "curves.png", "checkpoints", "last.pt")
SAMPLE_EPOCH = 2**31  # no run gets there, so the sampled episodes are none of the trained ones
SAMPLED_VIDEOS = 6


class Schedule(NamedTuple):
    """How long, and when what happens."""

    steps: int
    batch_size: int
    """Of each process."""
    discriminator_steps: int
    decay: float
    matching_warmup: float
    ema: float
    log_every: int
    sample_every: int
    save_every: int
    keep: int


class MetaLearning:
    """A run of meta-learning (Sec. 3.2): its networks, their average, and where it stands.

    Args:
        dataset: episodes; its video ids order the rows of W.
        models, optimizers: fresh ones; `resume` fills them from the run's folder.
        content_loss: L_CNT.
        weights: factor of each generator term, by name.
        schedule, hardware: see there.
        run: folder of the run.
        config: plain values that go into every checkpoint.
        skip_damaged: go on without records that cannot be read.

    Attributes:
        skipped: ids of the videos that `learn` has gone on without, in any process.
    """

    def __init__(
        self,
        dataset: VoxCelebDataset,
        models: Models,
        optimizers: Optimizers,
        content_loss: ContentLoss,
        weights: Mapping[str, float],
        schedule: Schedule,
        hardware: Hardware,
        run: Path,
        config: Mapping[str, Any],
        skip_damaged: bool = False,
    ):
        self.dataset, self.models, self.optimizers = dataset, models, optimizers
        self.average = (copy.deepcopy(models.embedder), copy.deepcopy(models.generator))
        for network in self.average:
            network.eval().requires_grad_(False)
        self.content_loss, self.weights = content_loss, weights
        self.schedule, self.hardware = schedule, hardware
        self.run, self.config = Path(run), config
        self.rates = LearningRates(optimizers, schedule.steps, schedule.decay)
        self.feed = Feed(dataset, schedule.batch_size, hardware, skip_damaged)
        self.skipped: set[str] = set()
        self.step = self._saved = 0
        self._losses: Losses = {}
        start_equal([*self.models, *self.average])

    def resume(self) -> bool:
        """Go on from the run's newest whole checkpoint; False if there is none."""
        payload = from_first(self._newest)
        if payload is None:
            return False
        for name, network in self._networks().items():
            if name != "video_embeddings":
                restore(network, payload["networks"][name], self.run)
        for name, network in zip(("embedder", "generator"), self.average, strict=True):
            restore(network, payload["average"][name], self.run)
        for name, optimizer in self.optimizers._asdict().items():
            if name != "video_embeddings":
                optimizer.load_state_dict(payload["optimizers"][name])
        self._resume_rows(payload)
        self.step = self._saved = payload["step"]
        return True

    def start_from(self, payload: Mapping[str, Any], path: Path) -> None:
        """Begin with the networks of another run; W, the optimisers and the steps begin anew.

        Args:
            payload: of a run or a model, as `load` gives it.
            path: where it lies, for messages.

        Raises:
            ValueError: its networks have other names or shapes.
        """
        restore_models(self.models, payload, path)
        for average, network in zip(self.average, self.models, strict=False):
            average.load_state_dict(network.state_dict())

    def learn(self) -> int | None:
        """Train until the schedule's last step.

        Returns:
            None when done, or the number of the signal that stopped it (all is saved then).

        Raises:
            FloatingPointError: a loss is not finite; the last checkpoint stays as it was.
            DamagedRecord: a record cannot be read; the steps before it are saved.
        """
        schedule = self.schedule
        self._open_log()
        with (
            Interruption() as interruption,
            progress_bar(
                total=schedule.steps, initial=self.step, desc="meta-learning", unit="step",
                disable=rank() > 0,
            ) as bar,
        ):  # fmt: skip
            try:
                stopped_by = self._walk(interruption, bar)
            except DamagedRecord as error:
                self._save_once()
                raise DamagedRecord(f"stopped after step {self.step}: {error}") from None
        self.skipped = set().union(*from_all(self.feed.skipped))
        return stopped_by

    def _walk(self, interruption: Interruption, bar: tqdm) -> int | None:
        schedule, stopped_by = self.schedule, None
        batches = self.feed.batches(self.step)
        while self.step < schedule.steps and stopped_by is None:
            batch = next(batches)
            self._losses = self.take_step(batch)
            stopped_by = any_signal(interruption.signal)
            bar.update()
            last = self.step == schedule.steps or stopped_by is not None
            if self.step % schedule.log_every == 0 or last:
                self._log(self._losses, batch, bar)
            if self.step % schedule.sample_every == 0 or last:
                from_first(self.show)
            if self.step % schedule.save_every == 0 or last:
                self._save_once()
        return stopped_by

    def take_step(self, batch: Episode) -> Losses:
        """Do one step of the algorithm and let the average follow."""
        schedule = self.schedule
        rising = max(1, round(schedule.matching_warmup * schedule.steps))
        weights = {**self.weights}
        weights["matching"] *= min(1.0, self.step / rising)
        self.rates.set(self.step)
        losses = meta_step(
            self.models,
            self.optimizers,
            self.content_loss,
            self._to_device(batch),
            weights,
            schedule.discriminator_steps,
            self.hardware,
        )
        for average, network in zip(self.average, self.models[:2], strict=True):
            update_average(average, network, schedule.ema, self.step)
        self.step += 1
        return losses

    @torch.no_grad()
    def show(self) -> None:
        """Write samples/STEP.png with the averaged networks, and the curves."""
        count = min(SAMPLED_VIDEOS, len(self.dataset))
        batch = self._to_device(self.feed.samples(SAMPLE_EPOCH, count, self.step))
        embedder, generator = self.average
        with self.hardware.autocast():
            embedding = embedder.embed_video(batch.source, batch.source_landmarks)
            output = generator(batch.target_landmarks, generator.project(embedding))
        path = self.run / "samples" / f"{self.step:08d}.png"
        sample_grid(batch.source, batch.target_landmarks, output, batch.target, path)
        plot_curves(read_stats(self.run / "stats.jsonl"), self.run / "curves.png")

    def save(self) -> None:
        """Write a checkpoint that holds all that the next step depends on."""
        payload = {
            "config": self.config,
            "videos": self.dataset.videos,
            "mean_row_norm": self.models.video_embeddings.mean_norm(),
            "networks": {k: network.state_dict() for k, network in self._networks().items()},
            "average": {
                "embedder": self.average[0].state_dict(),
                "generator": self.average[1].state_dict(),
            },
            "optimizers": {k: o.state_dict() for k, o in self.optimizers._asdict().items()},
        }
        save_run(payload, self.run, self.step, self.schedule.keep)

    def _save_once(self) -> None:
        """Save what the last step has learnt, if it is sound and not saved yet."""
        if self._saved < self.step:
            finite_numbers(average_losses(self._losses), self.step)
            from_first(self.save)
            self._saved = self.step

    def _open_log(self) -> None:
        self.stats = from_first(lambda: StatsLog(self.run / "stats.jsonl", self.step))
        self._logged = (time.monotonic(), self.step)
        self._warned: set[str] = set()

    def _log(self, losses: Losses, batch: Episode, bar: tqdm) -> None:
        """Write a line of the log, and warn of what has newly gone wrong."""
        batch = self._to_device(batch)
        losses = losses | embedder_influence(*self.average, batch, self.hardware)
        numbers = finite_numbers(average_losses(losses), self.step)
        (then, step), now = self._logged, time.monotonic()
        images = (self.step - step) * self.schedule.batch_size * ranks()
        numbers["images_per_second"] = images / (now - then)
        numbers["peak_memory_gb"] = peak_memory(self.hardware.device) / 1e9
        self._logged = (now, self.step)
        from_first(partial(self.stats.write, {"step": self.step, **numbers}))
        bar.set_postfix({k: f"{numbers[k]:.3f}" for k in list(numbers)[:2]}, refresh=False)
        if rank() == 0:  # which has the lines
            signs = warnings(self.stats.lines)
            for name in signs.keys() - self._warned:
                bar.write(f"warning, step {self.step}: {name}: {signs[name]}", file=sys.stderr)
            self._warned = set(signs)

    def _newest(self) -> dict[str, Any] | None:
        remove_stale(self.run)  # half a checkpoint, of a run that was killed
        try:
            return newest_of_run(self.run)
        except FileNotFoundError:
            return None

    def _networks(self) -> dict[str, torch.nn.Module]:
        return self.models._asdict()

    def _to_device(self, batch: Episode) -> Episode:
        device = self.hardware.device
        video = batch.video.to(self.models.video_embeddings.weight.device, non_blocking=True)
        images = (image.to(device, non_blocking=True) for image in batch[1:])
        return Episode(video, *(normalize(image) for image in images))

    def _resume_rows(self, payload: Mapping[str, Any]) -> None:
        """Give every known video its old row of W and its optimiser state; new ones stay fresh."""
        old_rows = {video: row for row, video in enumerate(payload["videos"])}
        known = [(row, old_rows[v]) for row, v in enumerate(self.dataset.videos) if v in old_rows]
        weight = self.models.video_embeddings.weight
        new, old = torch.tensor(known, dtype=torch.long).reshape(-1, 2).unbind(1)
        with torch.no_grad():
            stored = payload["networks"]["video_embeddings"]["weight"]
            weight[new.to(weight.device)] = stored[old].to(weight.device)
        optimizer = self.optimizers.video_embeddings
        state = payload["optimizers"]["video_embeddings"]
        for entry in state["state"].values():
            for name in ("exp_avg", "exp_avg_sq"):
                moved = torch.zeros_like(weight, device="cpu")
                moved[new] = entry[name][old]
                entry[name] = moved
        optimizer.load_state_dict(state)
