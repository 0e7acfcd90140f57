"""What meta-learning is fed with: batches in their order, and word of records that are damaged."""

import sys
from collections.abc import Iterable, Iterator

from torch.utils.data import DataLoader
from tqdm import tqdm

from dataset.damage import Attempt, Attempts, Damage, collate
from dataset.episode import Episode
from dataset.episodes import EpisodeSampler, VoxCelebDataset
from system.interruption import Interruption
from training.distributed import any_complaint, rank, ranks
from training.hardware import Hardware

AHEAD = 4  # batches that each process of the loader makes before they are wanted


class DamagedRecord(ValueError):  # noqa: N818 - it says what is wrong, as MissingWeights does
    """A record cannot be read."""


class Feed:
    """The batches of a run, the same however often it is interrupted.

    Args:
        dataset: the episodes.
        batch_size: of each process.
        hardware: how many processes load, and for which device.
        skip_damaged: let other videos stand in for those whose records cannot be read.

    Attributes:
        skipped: ids of the videos for which others have stood in, in this process.
    """

    def __init__(
        self, dataset: VoxCelebDataset, batch_size: int, hardware: Hardware, skip_damaged: bool
    ):
        self.dataset, self.batch_size, self.hardware = dataset, batch_size, hardware
        self.attempts = Attempts(dataset, skip_damaged)
        self.skipped: set[str] = set()

    def batches(self, start: int) -> Iterator[Episode]:
        """Yield this process's batch of each step after `start` steps.

        Raises:
            DamagedRecord: a record cannot be read; in all processes, at the same step.
        """
        for step, attempt in enumerate(self._loader(start), start):
            self._note(attempt.damages, step)
            complaint = any_complaint(self._complaint(attempt))
            if complaint:
                raise DamagedRecord(complaint)
            yield attempt.episode

    def samples(self, epoch: int, count: int, step: int) -> Episode:
        """Return one episode each of the first videos, without augmentation.

        Raises:
            DamagedRecord: a record cannot be read.
        """
        attempt = collate([self.attempts.plain(epoch, index) for index in range(count)])
        self._note(attempt.damages, step)
        complaint = self._complaint(attempt)
        if complaint:
            raise DamagedRecord(complaint)
        return attempt.episode

    def _loader(self, start: int) -> DataLoader[Attempt]:
        sampler = EpisodeSampler(
            self.dataset.lengths,
            self.batch_size,
            self.dataset.seed,
            start=start,
            part=(rank(), ranks()),
        )
        workers = self.hardware.workers
        return DataLoader(
            self.attempts,
            batch_sampler=sampler,
            collate_fn=collate,
            num_workers=workers,
            pin_memory=self.hardware.device.type == "cuda",
            worker_init_fn=_start_worker,
            prefetch_factor=AHEAD if workers else None,
        )

    def _note(self, damages: Iterable[Damage], step: int) -> None:
        """Say of each video that is left out so, once."""
        for video, complaint in damages:
            if self.attempts.skip and video not in self.skipped:
                self.skipped.add(video)
                tqdm.write(f"warning, step {step}: left out: {complaint}", file=sys.stderr)

    def _complaint(self, attempt: Attempt) -> str | None:
        """Say why there is no episode, and what to do about it."""
        if attempt.episode is not None:
            return None
        folders = [str(each) for each in (self.dataset.folder, self.dataset.mix) if each]
        remedy = f"preprocess.py --inspect {' or '.join(folders)} lists all such records"
        if self.attempts.skip:
            remedy = f"neither can those be read that were to stand in; {remedy}"
        else:
            remedy += ", --skip-damaged goes on without them"
        return f"{attempt.damages[0].complaint}; {remedy}"


def _start_worker(_: int) -> None:
    """Leave signals to the training process, and the cores to the mathematics."""
    import signal

    import cv2

    # torchrun and job schedulers send SIGTERM to whole groups of processes.
    for number in Interruption.SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(0)
