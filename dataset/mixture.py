"""Episodes of several folders in turn, so that many videos of one kind accompany few of another."""

from torch.utils.data import Dataset

from dataset.episodes import Episode, VoxCelebDataset


class Mixture(Dataset[Episode]):
    """Episodes of several datasets under one numbering: those of the first come first.

    An epoch shows every video of the first once, and as many of each other one, which are gone
    through in their own time (see `EpisodeSampler`).

    Args:
        datasets: the first has the seed and the settings that count.

    Raises:
        ValueError: two of them have a video of one id, which stands for one row of W.
    """

    def __init__(self, *datasets: VoxCelebDataset):
        self.datasets = datasets
        self.videos: list[str] = []
        for dataset in datasets:
            twice = sorted({*self.videos} & {*dataset.videos})
            if twice:
                raise ValueError(
                    f"{dataset.folder} has the video {twice[0]}, as {datasets[0].folder} has: "
                    "videos to be mixed need different ids"
                )
            self.videos += dataset.videos
        self.seed, self.settings = datasets[0].seed, datasets[0].settings

    @property
    def lengths(self) -> tuple[int, ...]:
        """Number of videos of each."""
        return tuple(map(len, self.datasets))

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, key: int | tuple[int, int]) -> Episode:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        dataset, own = self._find(index)
        return self._numbered(dataset[epoch, own], index)

    def plain(self, epoch: int, index: int) -> Episode:
        """Return an episode as it is, without augmentation."""
        dataset, own = self._find(index)
        return self._numbered(dataset.plain(epoch, own), index)

    def _find(self, index: int) -> tuple[VoxCelebDataset, int]:
        """Return whose video it is, and its number there."""
        for dataset in self.datasets[:-1]:
            if index < len(dataset):
                return dataset, index
            index -= len(dataset)
        return self.datasets[-1], index

    @staticmethod
    def _numbered(episode: Episode, index: int) -> Episode:
        return episode._replace(video=episode.video.new_tensor(index))
