"""Which frames are learnt from and judged, and whose videos are tried."""

import itertools
import re

import numpy as np
import pytest
import torch

from dataset.images import decode_jpeg, frame_to_image, resize
from dataset.landmarks import draw_landmarks
from dataset.store import StoreError, read_record, video_path
from evaluation.protocol import choose_videos, person_of, read_subject
from tests.evaluation.conftest import STORED, write_folder


def places(pictures):
    """Which frames of the record these are; see `write_folder`."""
    return pictures.landmarks[:, 0, 0].tolist()


def test_no_frame_is_both_learnt_from_and_judged(tmp_path):
    folder = write_folder(tmp_path, {"id1/a": 12})
    for seed in range(20):
        one = read_subject(folder, "id1/a", 16, shots=7, held_out=5, seed=seed)
        assert sorted(places(one.known) + places(one.held_out)) == list(range(12))


def test_every_t_is_judged_on_the_same_frames_and_begins_with_the_smaller_ones(tmp_path):
    folder = write_folder(tmp_path, {"id1/a": 12})
    largest = read_subject(folder, "id1/a", 16, shots=8, held_out=4, seed=0)
    for shots in range(1, 8):
        one = read_subject(folder, "id1/a", 16, shots, held_out=4, seed=0)
        for ours, theirs in (
            (one.held_out, largest.held_out),
            (one.known, largest.known.first(shots)),
        ):
            assert len(ours.images) == len(theirs.images)
            assert torch.equal(ours.images, theirs.images)
            assert torch.equal(ours.landmark_images, theirs.landmark_images)
            assert np.array_equal(ours.landmarks, theirs.landmarks)
            assert ours.frames == theirs.frames


def test_hold_out_frames_are_in_the_order_of_time_across_segments(tmp_path):
    origins = [(f"0000{segment}.mp4", index) for index in (5, 1, 9, 3) for segment in (2, 1, 3)]
    folder = write_folder(tmp_path, {"id1/a": origins})
    for seed in range(10):
        one = read_subject(folder, "id1/a", 16, shots=3, held_out=9, seed=seed)
        judged = [origins[int(place)] for place in places(one.held_out)]
        assert judged == sorted(judged)
        assert one.held_out.frames == tuple(index for _, index in judged)
        assert one.known.frames == tuple(origins[int(p)][1] for p in places(one.known))


def test_known_frames_are_in_random_order_so_that_the_first_is_any(tmp_path):
    folder = write_folder(tmp_path, {"id1/a": 12})
    firsts = {read_subject(folder, "id1/a", 16, 1, 4, seed).known.frames[0] for seed in range(60)}
    assert len(firsts) > 8


def test_the_split_depends_on_the_seed_and_the_id_alone(tmp_path):
    alone = write_folder(tmp_path / "alone", {"id1/a": 12})
    others = write_folder(tmp_path / "others", {"id0/z": 5, "id1/a": 12, "id1/b": 12}, size=32)

    def split(folder, video, seed, size=16):
        one = read_subject(folder, video, size, shots=4, held_out=4, seed=seed)
        return one.known.frames, one.held_out.frames

    assert split(alone, "id1/a", 0) == split(others, "id1/a", 0) == split(alone, "id1/a", 0, 32)
    assert split(alone, "id1/a", 0) != split(alone, "id1/a", 1)
    assert split(others, "id1/a", 0) != split(others, "id1/b", 0)


@pytest.mark.parametrize("size", [64, 32])
def test_images_and_landmarks_are_those_of_the_frames_at_the_models_size(strangers, size):
    video = "id00051/video000"
    record = read_record(video_path(strangers, video))
    one = read_subject(strangers, video, size, shots=3, held_out=4, seed=0)
    assert (one.video, one.crop) == (video, record.crop)
    numbers = [index for _, index in record.origins]
    for part in (one.known, one.held_out):
        for at, number in enumerate(part.frames):
            stored = numbers.index(number)
            frame = resize(decode_jpeg(record.frames[stored]), size)
            assert torch.equal(part.images[at], frame_to_image(frame))
            points = (record.landmarks[stored] + 0.5) * size / 64 - 0.5
            assert np.allclose(part.landmarks[at], points, atol=1e-4)
            drawn = draw_landmarks(part.landmarks[at], size)
            assert torch.equal(part.landmark_images[at], frame_to_image(drawn))


def test_all_videos_of_strangers_are_tried_in_the_order_of_their_ids(strangers):
    choice = choose_videos(strangers, STORED, ["id00000/video000"])
    people = ("id00050", "id00051", "id00052", "id00053")
    assert choice.videos == [*(f"{person}/video000" for person in people), "id00053/video001"]
    assert choice.left_out == {}


def test_people_seen_in_training_are_left_out_with_all_their_videos(tmp_path):
    folder = write_folder(tmp_path, {"id1/a": 6, "id1/b": 6, "id10/a": 6, "id2/a": 6})
    choice = choose_videos(folder, 6, ["id1/zzz", "id3/a"])
    assert choice.videos == ["id10/a", "id2/a"]
    reason = "its person's id was seen in training (--people any takes it all the same)"
    assert choice.left_out == {"id1/a": reason, "id1/b": reason}


def test_videos_with_too_few_frames_are_left_out(tmp_path):
    folder = write_folder(tmp_path, {"id1/a": 5, "id2/a": 6, "id3/a": 7})
    choice = choose_videos(folder, 6, [])
    assert choice.videos == ["id2/a", "id3/a"]
    reason = "it stores 5 frames, fewer than the 6 needed"
    remedy = "(preprocess.py --frames-per-video stores more)"
    assert choice.left_out == {"id1/a": f"{reason} {remedy}"}


def test_when_none_is_left_every_reason_is_told(tmp_path):
    folder = write_folder(tmp_path, {"id1/a": 6, "id2/a": 4})
    told = rf"{re.escape(str(folder))}.*stores 4 frames.*--frames-per-video.*seen in training"
    with pytest.raises(ValueError, match=told):
        choose_videos(folder, 6, ["id1/b"])
    with pytest.raises(ValueError, match="it is empty"):
        choose_videos(write_folder(tmp_path / "empty", {}), 6, [])
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        choose_videos(tmp_path / "nowhere", 6, [])
    video_path(folder, "id1/a").write_bytes(b"half")
    with pytest.raises(StoreError, match="id1/a"):
        choose_videos(folder, 6, [])


def test_a_limit_takes_usable_videos_by_the_seed_and_more_of_them_contain_the_fewer(tmp_path):
    videos = {f"id{number}/a": 6 - number % 2 for number in range(16)}
    folder = write_folder(tmp_path, videos)
    usable = choose_videos(folder, 6, []).videos
    assert len(usable) == 8
    chosen = [choose_videos(folder, 6, [], limit, seed=3).videos for limit in range(1, 10)]
    assert [len(some) for some in chosen] == [*range(1, 9), 8]
    for fewer, more in itertools.pairwise(chosen):
        assert set(fewer) <= set(more) <= set(usable)
        assert more == sorted(more)
    with pytest.raises(ValueError, match="--limit must be at least 1, got 0"):
        choose_videos(folder, 6, [], limit=0)
    other = {tuple(choose_videos(folder, 6, [], 2, seed).videos) for seed in range(10)}
    assert len(other) > 3


def test_a_flat_id_is_a_person_of_its_own(tmp_path):
    assert person_of("id00012/21Uxsk56VDQ") == "id00012"
    assert person_of("id1/b/c") == "id1"
    assert person_of("my clip") == "my clip"
    folder = write_folder(tmp_path, {"clip": 4, "clip 2": 4})
    assert choose_videos(folder, 4, ["clip"]).videos == ["clip 2"]
    assert choose_videos(folder, 4, ["other"]).videos == ["clip", "clip 2"]
