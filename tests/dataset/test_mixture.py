"""Videos of two folders in turn, under one numbering."""

from collections import Counter

import pytest
import torch

from dataset.episodes import EpisodeSampler, VoxCelebDataset
from tests.dataset.test_episodes import same, take


def test_the_second_sets_videos_follow_those_of_the_first(data, others):
    first, second = (VoxCelebDataset(x, 3, 64, seed=5, augmentation=0.5) for x in (data, others))
    mixture = VoxCelebDataset(data, 3, 64, seed=5, augmentation=0.5, mix=others)
    assert mixture.videos == [*first.videos, *second.videos]
    assert len(mixture) == len(first) + len(second) == sum(mixture.lengths)
    for own, dataset, at in ((0, first, 0), (1, second, len(first))):
        assert same(mixture[2, at + own][1:], dataset[2, own][1:])
        assert same(mixture.plain(2, at + own)[1:], dataset.plain(2, own)[1:])
    rows = [mixture[0, index].video for index in range(len(mixture))]
    assert rows == list(range(len(mixture)))
    assert {row.dtype for row in rows} == {torch.int64}


def test_videos_of_one_id_are_refused_and_named(data):
    dataset = VoxCelebDataset(data, 3, 64)
    with pytest.raises(ValueError, match=f"{dataset.videos[0]}.*need different ids"):
        VoxCelebDataset(data, 3, 64, mix=data)


@pytest.mark.parametrize("other", [1, 2, 5, 40])
def test_sets_take_turns_whatever_their_sizes(other):
    batches = take(EpisodeSampler([5, other], 4, seed=1), 50)
    keys = [key for batch in batches for key in batch]
    assert all((index >= 5) == (at % 2 == 1) for at, (_, index) in enumerate(keys))
    own, second = Counter(keys[::2]), Counter(keys[1::2])
    assert set(own) == {(epoch, index) for epoch in range(20) for index in range(5)}
    assert max(own.values()) == max(second.values()) == 1, "nothing comes twice in its epoch"
    seen = Counter(index for _, index in second)
    assert len(seen) == other
    assert max(seen.values()) - min(seen.values()) <= 1


@pytest.mark.parametrize("start", [1, 3, 4, 11])
@pytest.mark.parametrize("size", [2, 3])
def test_a_resumed_mixture_goes_on_where_it_stopped(start, size):
    whole = take(EpisodeSampler([7, 3], size, seed=1), 16)
    assert take(EpisodeSampler([7, 3], size, seed=1, start=start), 16 - start) == whole[start:]


def test_the_parts_of_processes_end_to_end_are_the_batches_of_one():
    parts = [take(EpisodeSampler([7, 4], 2, seed=1, start=3, part=(r, 3)), 5) for r in range(3)]
    whole = take(EpisodeSampler([7, 4], 6, seed=1, start=3), 5)
    assert [a + b + c for a, b, c in zip(*parts, strict=True)] == whole
