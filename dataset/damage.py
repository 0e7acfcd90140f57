"""Episodes of a folder in which records may be damaged, or vanish while they are read."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from torch.utils.data import Dataset, default_collate

from dataset.episode import Episode
from dataset.episodes import VoxCelebDataset

MOST_STAND_INS = 16  # tried before a folder is taken for lost altogether


class Damage(NamedTuple):
    """A record that gave no episode."""

    video: str
    complaint: str
    """One line, with the file and what is wrong with it."""


class Attempt(NamedTuple):
    """What became of one episode, or of a batch of them."""

    episode: Episode | None
    """None: there is none, for the first of the damages."""
    damages: tuple[Damage, ...]


class Attempts(Dataset[Attempt]):
    """The episodes of a dataset, or what is wrong with their records.

    In a process of a loader an error would come with its traceback, and before its turn; what is
    wrong travels in the batch instead, to be told after the steps before it.

    Args:
        dataset: the episodes.
        skip: for a record that is damaged or gone give the episode of another video of its folder.
            Which one depends on (seed, epoch, video id) alone, and on who else is damaged.
    """

    def __init__(self, dataset: VoxCelebDataset, skip: bool):
        self.dataset, self.skip = dataset, skip

    def __getitem__(self, key: tuple[int, int]) -> Attempt:
        return self._attempt(lambda *other: self.dataset[other], *key)

    def plain(self, epoch: int, index: int) -> Attempt:
        """Return an episode as it is, without augmentation."""
        return self._attempt(self.dataset.plain, epoch, index)

    def _attempt(self, read: Callable[[int, int], Episode], epoch: int, index: int) -> Attempt:
        damages = []
        for chosen in self._choices(epoch, index):
            try:
                return Attempt(read(epoch, chosen), tuple(damages))
            except (ValueError, OSError) as error:
                damages.append(self._damage(chosen, error))
        return Attempt(None, tuple(damages))

    def _choices(self, epoch: int, index: int) -> Iterator[int]:
        yield index
        if self.skip:
            yield from self.dataset.draw_stand_ins(epoch, index, MOST_STAND_INS)

    def _damage(self, index: int, error: Exception) -> Damage:
        complaint = str(error)
        if isinstance(error, FileNotFoundError):
            complaint = f"{error.filename} is missing"
        elif isinstance(error, OSError):
            complaint = f"{error.filename} cannot be read: {error.strerror}"
        return Damage(self.dataset.videos[index], complaint)


def collate(attempts: Sequence[Attempt]) -> Attempt:
    """Make a batch of episodes, or give the first attempt that has none."""
    for attempt in attempts:
        if attempt.episode is None:
            return attempt
    episodes = default_collate([attempt.episode for attempt in attempts])
    return Attempt(episodes, tuple(damage for attempt in attempts for damage in attempt.damages))
