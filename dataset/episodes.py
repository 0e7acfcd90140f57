"""Episodes: K frames of a person to learn from and one more to imitate."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from dataset.augmentation import Augmentation
from dataset.episode import Episode
from dataset.frames import record_frames
from dataset.images import frame_to_image
from dataset.store import (
    Record,
    StoreError,
    read_record,
    read_settings,
    read_videos,
    video_path,
)

SHUFFLE, DRAW, AUGMENT, STAND_IN = 0, 1, 2, 3  # independent random streams of one seed


class VoxCelebDataset(Dataset[Episode]):
    """Episodes from folders that preprocess.py wrote, one per video and epoch.

    The K + 1 frames of an episode depend on (seed, epoch, video id) alone, so they are the same
    with any number of workers, and new in every epoch. `dataset[i]` is the episode of epoch 0,
    `dataset[epoch, i]` that of any epoch.

    Args:
        folder: where the pickles and videos.txt lie.
        sources: K, frames shown to the embedder (Sec. 3.1; the paper has 8).
        image_size: side of the images, pixels; stored frames of another size are resized.
        seed: draws frames and order.
        augmentation: strength of the change that is drawn for each episode; None: no change.
        by_heart: only so many videos, and of each the same episode again and again, to see whether
            training works at all.
        mix: another folder, to accompany the first: its videos follow those of the first, and
            `EpisodeSampler` takes one of each in turn.

    Attributes:
        settings, mix_settings: how each folder was made; None where nothing is mixed.

    Raises:
        FileNotFoundError: a folder or its videos.txt is missing.
        ValueError: K < 1, no videos, fewer frames stored per video than K + 1, a video's id in
            both folders (it stands for one row of W), or `mix` with `by_heart`.
    """

    def __init__(
        self,
        folder: Path,
        sources: int = 8,
        image_size: int = 256,
        seed: int = 0,
        augmentation: float | None = None,
        by_heart: int | None = None,
        mix: Path | None = None,
    ):
        if mix is not None and by_heart is not None:
            raise ValueError("--overfit learns videos of --data alone: leave out --mix")
        self.folder, self.mix = Path(folder), mix and Path(mix)
        own, self.settings = _open(self.folder, sources)
        others, self.mix_settings = ([], None) if self.mix is None else _open(self.mix, sources)
        twice = sorted({*own} & {*others})
        if twice:
            raise ValueError(
                f"{self.mix} has the video {twice[0]}, as {self.folder} has: "
                "videos to be mixed need different ids"
            )
        self.videos = [*own[:by_heart], *others]
        self.mixed = len(others)
        self.sources = sources
        self.image_size = image_size
        self.seed = seed
        self.augmentation = augmentation
        self.by_heart = by_heart

    @property
    def lengths(self) -> tuple[int, ...]:
        """Number of videos of each folder."""
        own = len(self.videos) - self.mixed
        return (own, self.mixed) if self.mixed else (own,)

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, key: int | tuple[int, int]) -> Episode:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        return self._episode(epoch, index, self.draw_augmentation(epoch, index))

    def plain(self, epoch: int, index: int) -> Episode:
        """Return an episode as it is, without augmentation."""
        return self._episode(epoch, index, None)

    def _episode(self, epoch: int, index: int, augmentation: Augmentation | None) -> Episode:
        folder = self.folder if index < self.lengths[0] else self.mix
        path = video_path(folder, self.videos[index])
        record = read_record(path)
        if len(record.frames) < 2:
            raise StoreError(f"{path} must hold at least 2 frames, it holds 1")
        chosen = self.draw_frames(epoch, index, len(record.frames))
        try:
            images, landmarks = record_images(record, chosen, self.image_size, augmentation)
        except ValueError as error:
            raise StoreError(f"{path} is damaged: {error}") from None
        return Episode(torch.tensor(index), images[:-1], landmarks[:-1], images[-1], landmarks[-1])

    def draw_frames(self, epoch: int, index: int, frames: int) -> list[int]:
        """Draw K source frames and, last, the target: K + 1 distinct ones of `frames`.

        A video with fewer frames repeats sources; the target stays apart (at least 2 frames).
        """
        rng = self._rng(DRAW, epoch, index)
        target, *others = rng.permutation(frames).tolist()
        repeats = -(-self.sources // len(others))
        return [*(others * repeats)[: self.sources], target]

    def draw_stand_ins(self, epoch: int, index: int, most: int) -> list[int]:
        """Draw other videos of the same folder, at most so many, for one that cannot be read."""
        own = self.lengths[0]
        first, end = (0, own) if index < own else (own, len(self.videos))
        drawn = first + self._rng(STAND_IN, epoch, index).permutation(end - first)
        return [other for other in drawn[: most + 1].tolist() if other != index][:most]

    def draw_augmentation(self, epoch: int, index: int) -> Augmentation | None:
        """Draw the change of one episode, the same for all its frames."""
        if self.augmentation is None:
            return None
        return Augmentation.draw(self._rng(AUGMENT, epoch, index), self.augmentation)

    def _rng(self, stream: int, epoch: int, index: int) -> np.random.Generator:
        epoch = 0 if self.by_heart else epoch
        return np.random.default_rng([self.seed, stream, epoch, *self.videos[index].encode()])


class EpisodeSampler(Sampler[list[tuple[int, int]]]):
    """An endless stream of batches of (epoch, index) keys; every epoch visits each video once.

    Of several sets it takes one video each in turn. Then an epoch visits each video of the first
    once, and each other set goes through its own epochs at that pace.

    Args:
        lengths: number of videos of each set.
        batch_size: B; a batch may span the end of one epoch and the start of the next.
        seed: draws the order of every epoch.
        start: batches to leave out, so that a resumed run goes on where it stopped.
        part: (r, R) of the r-th of R processes, from 0. Their batches of B, laid end to end, are
            those of one process with R * B.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int = 0,
        start: int = 0,
        part: tuple[int, int] = (0, 1),
    ):
        self.lengths, self.batch_size, self.seed, self.start = lengths, batch_size, seed, start
        self.part = part

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        number, parts = self.part
        own = slice(number * self.batch_size, (number + 1) * self.batch_size)
        turns, skip = divmod(self.start * parts * self.batch_size, len(self.lengths))
        walks = [self._walk(number, turns) for number in range(len(self.lengths))]
        keys = itertools.islice(itertools.chain.from_iterable(zip(*walks, strict=True)), skip, None)
        while True:
            yield list(itertools.islice(keys, parts * self.batch_size))[own]

    def _walk(self, number: int, start: int) -> Iterator[tuple[int, int]]:
        """Yield the keys of one set, epoch after epoch, without the first `start`."""
        length, before = self.lengths[number], sum(self.lengths[:number])
        epoch, skip = divmod(start, length)
        while True:
            rng = np.random.default_rng([self.seed, SHUFFLE, epoch, number])
            for index in rng.permutation(length)[skip:].tolist():
                yield epoch, before + index
            epoch, skip = epoch + 1, 0


def _open(folder: Path, sources: int) -> tuple[list[str], dict[str, Any]]:
    """Read the video ids and the settings of a folder that can give K sources and a target."""
    videos = read_videos(folder)
    if not videos:
        raise ValueError(f"{folder} holds no videos: its videos.txt is empty")
    settings = read_settings(folder)
    stored = settings["frames_per_video"]
    if not 1 <= sources < stored:
        raise ValueError(
            f"--sources must be from 1 to {stored - 1}, since {folder} stores {stored} "
            f"frames per video (preprocess.py --frames-per-video), got {sources}"
        )
    return videos, settings


def record_images(
    record: Record,
    indices: Sequence[int],
    image_size: int,
    augmentation: Augmentation | None = None,
) -> tuple[Tensor, Tensor]:
    """Bring `record_frames` into the order of networks.

    Returns:
        images, landmark images: (len(indices), 3, image_size, image_size) uint8 each.
    """
    frames, drawn = record_frames(record, indices, image_size, augmentation)
    return frame_to_image(frames), frame_to_image(drawn)
