"""Episodes are drawn as the paper says (pitfalls P14, P18, P22)."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from dataset.episodes import EpisodeSampler, VoxCelebDataset, record_images
from dataset.images import decode_jpeg, normalize
from dataset.landmarks import draw_landmarks
from dataset.store import read_record, video_path


@pytest.fixture
def dataset(data):
    return VoxCelebDataset(data, sources=3, image_size=64, seed=5)


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_p14_target_is_never_among_sources(dataset):
    for epoch in range(50):
        *sources, target = dataset.draw_frames(epoch, epoch % len(dataset), 6)
        assert len(sources) == 3
        assert target not in sources
        assert len(set(sources)) == 3


def test_p14_every_frame_is_a_target_sooner_or_later(dataset):
    assert {dataset.draw_frames(epoch, 0, 6)[-1] for epoch in range(60)} == set(range(6))


def test_p14_two_epochs_differ_and_a_fixed_seed_repeats(dataset, data):
    again = VoxCelebDataset(data, sources=3, image_size=64, seed=5)
    other = VoxCelebDataset(data, sources=3, image_size=64, seed=6)
    assert same(dataset[3, 1], again[3, 1])
    drawn = [[d.draw_frames(e, 1, 6) for e in range(8)] for d in (dataset, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len({tuple(frames) for frames in drawn[0]}) > 4


def test_videos_with_few_frames_repeat_sources_but_keep_the_target_apart(dataset):
    for epoch in range(20):
        *sources, target = dataset.draw_frames(epoch, 0, 2)
        assert sources == [1 - target] * 3


def test_an_episode_holds_uint8_images_of_the_asked_size(dataset):
    episode = dataset[0]
    assert episode.source.shape == episode.source_landmarks.shape == (3, 3, 64, 64)
    assert episode.target.shape == episode.target_landmarks.shape == (3, 64, 64)
    assert {field.dtype for field in episode[1:]} == {torch.uint8}
    assert episode.video.dtype == torch.int64


def test_another_image_size_scales_frames_and_landmarks_together(data):
    small, large = (VoxCelebDataset(data, 3, size, seed=5)[0] for size in (64, 128))
    assert large.target.shape == (3, 128, 128)
    shrunk = torch.nn.functional.avg_pool2d(large.target.float(), 2)
    assert (shrunk - small.target.float()).abs().mean() < 6
    edges = [e.target_landmarks.float().mean(0).nonzero().float().mean(0) for e in (small, large)]
    torch.testing.assert_close((edges[0] + 0.5) * 2 - 0.5, edges[1], atol=2.5, rtol=0)


def test_p22_loader_output_spans_minus_one_to_one(dataset):
    images = normalize(torch.cat([dataset[i].source for i in range(len(dataset))]))
    assert images.min() < -0.9
    assert images.max() > 0.7
    drawn = normalize(dataset[0].target_landmarks)
    assert drawn.min() == -1.0
    assert drawn.max() == 1.0


def test_landmark_images_belong_to_their_frames(dataset, data):
    record = read_record(video_path(data, dataset.videos[2]))
    chosen = dataset.draw_frames(4, 2, len(record.frames))
    episode = dataset[4, 2]
    wanted = draw_landmarks(record.landmarks[chosen[-1]], 64)
    assert np.array_equal(episode.target_landmarks.permute(1, 2, 0).numpy(), wanted)
    frame = decode_jpeg(record.frames[chosen[-1]])
    assert np.array_equal(episode.target.permute(1, 2, 0).numpy(), frame)


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_gives_the_same_episodes(dataset, workers):
    keys = [[(2, 0), (2, 3)], [(2, 1), (3, 0)]]
    alone = list(DataLoader(dataset, batch_sampler=keys))
    helped = list(DataLoader(dataset, batch_sampler=keys, num_workers=workers))
    assert all(same(a, b) for a, b in zip(alone, helped, strict=True))
    assert alone[0].source.shape == (2, 3, 3, 64, 64)


def take(sampler, count):
    stream = iter(sampler)
    return [next(stream) for _ in range(count)]


def test_every_epoch_visits_each_video_once():
    keys = [key for batch in take(EpisodeSampler([7], 2, seed=1), 7) for key in batch]
    for epoch in (0, 1):
        assert sorted(i for e, i in keys if e == epoch) == list(range(7))
    assert [i for e, i in keys if e == 0] != [i for e, i in keys if e == 1]


@pytest.mark.parametrize("start", [1, 3, 4, 11])
def test_a_resumed_sampler_goes_on_where_it_stopped(start):
    whole = take(EpisodeSampler([7], 2, seed=1), 16)
    assert take(EpisodeSampler([7], 2, seed=1, start=start), 16 - start) == whole[start:]


def test_the_parts_of_three_processes_end_to_end_are_the_batches_of_one():
    parts = [take(EpisodeSampler([7], 2, seed=1, start=3, part=(r, 3)), 5) for r in range(3)]
    whole = take(EpisodeSampler([7], 6, seed=1, start=3), 5)
    assert [a + b + c for a, b, c in zip(*parts, strict=True)] == whole


def test_a_batch_larger_than_the_data_spans_epochs():
    (batch,) = take(EpisodeSampler([3], 8), 1)
    assert [epoch for epoch, _ in batch] == [0, 0, 0, 1, 1, 1, 2, 2]


def test_k_larger_than_what_was_stored_is_refused_with_both_numbers(data):
    with pytest.raises(ValueError, match=r"--sources must be from 1 to 5.*stores 6.*got 6"):
        VoxCelebDataset(data, sources=6, image_size=64)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        VoxCelebDataset(tmp_path / "nowhere")


def test_record_images_keep_the_order_asked_for(data, dataset):
    record = read_record(video_path(data, dataset.videos[0]))
    forward, _ = record_images(record, [0, 4], 64)
    backward, _ = record_images(record, [4, 0], 64)
    assert torch.equal(forward.flip(0), backward)


def test_by_heart_the_same_episode_of_the_first_videos_comes_in_every_epoch(data):
    dataset = VoxCelebDataset(data, 2, 64, augmentation=1.0, by_heart=2)
    assert dataset.videos == VoxCelebDataset(data, 2, 64).videos[:2]
    for index in (0, 1):
        first, later = dataset[0, index], dataset[7, index]
        assert same(first, later)
    assert torch.equal(dataset.plain(0, 0).target, dataset.plain(99, 0).target)
