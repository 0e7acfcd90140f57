"""A record holds frames drawn over all of a video, cut in one way for all (P15)."""

import numpy as np
import pytest

from dataset.crop import clip_box, crop, face_box, whole_box
from dataset.detection.stored import StoredLandmarks
from dataset.images import encode_jpeg, read_image
from dataset.preparation import cutting, search
from dataset.preparation.quality import OPEN
from dataset.preparation.records import make_record
from dataset.preparation.search import Rejected, order_frames
from dataset.preparation.sources import find_videos
from dataset.video.reading import index_video, read_frames, stream_frames
from tests.dataset.conftest import moving_scene, write_clip, write_photo, write_pictures


def record_of(path, crop="face", **options):
    (video,) = find_videos(path)
    return make_record(video, StoredLandmarks(), crop=crop, image_size=48, **options)


def seconds(*lengths, fps=25.0):
    return [np.full(length, 1 / fps) for length in lengths]


def test_each_frame_comes_once_and_the_order_repeats_with_the_seed():
    orders = [order_frames(seconds(10, 0, 5), np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == [(0, i) for i in range(10)] + [(2, i) for i in range(5)]


def test_frames_are_drawn_uniformly_over_all_segments():
    hits = np.zeros(40)
    for seed in range(3000):
        for segment, index in order_frames(seconds(30, 10), np.random.default_rng(seed))[:4]:
            hits[index + 30 * segment] += 1
    assert abs(hits / 300 - 1).max() < 0.25  # 300 expected, 17 standard deviation


def test_a_frame_that_is_shown_longer_is_drawn_more_often():
    durations = np.ones(20)
    durations[5:10] = 3.0  # a variable rate
    hits = np.zeros(20)
    for seed in range(6000):
        hits[order_frames([durations], np.random.default_rng(seed))[0][1]] += 1
    expected = 6000 * durations / durations.sum()
    assert (abs(hits - expected) < 5 * np.sqrt(expected)).all()


def test_p15_a_photo_goes_through_records_and_crop_with_the_same_result(tmp_path):
    picture = write_photo(tmp_path / "me.png")
    landmarks = np.load(tmp_path / "me.landmarks.npy")[0]
    record = record_of(tmp_path / "me.png", fewest=1)
    square, moved = crop(read_image(tmp_path / "me.png"), landmarks, face_box(landmarks), 48)
    assert np.array_equal(picture, read_image(tmp_path / "me.png"))
    assert record.frames == (encode_jpeg(square, 95),)
    assert np.array_equal(record.landmarks[0], moved)


@pytest.mark.parametrize("mode", ["whole", "face"])
def test_p15_a_video_goes_through_records_and_crop_with_the_same_result(tmp_path, mode):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=12)
    frames = list(stream_frames(tmp_path / "clip.mp4"))
    record = record_of(tmp_path / "clip.mp4", crop=mode, frames=5)
    indices = [index for _, index in record.origins]
    box = whole_box(80, 96) if mode == "whole" else clip_box(landmarks[indices])
    assert indices == sorted(set(indices))
    assert len(indices) == 5
    for place, index in enumerate(indices):
        square, moved = crop(frames[index], landmarks[index], box, 48)
        assert record.frames[place] == encode_jpeg(square, 95)
        assert np.array_equal(record.landmarks[place], moved)
    assert record.crop == mode
    assert record.detector == "stored"


def test_all_frames_of_a_video_when_no_number_is_given(tmp_path):
    write_clip(tmp_path / "clip.mp4", frames=12, missing=[4])
    origins = record_of(tmp_path / "clip.mp4").origins
    assert origins == tuple(("clip.mp4", i) for i in range(12) if i != 4)
    assert record_of(tmp_path / "clip.mp4", frames=500).origins == origins


def test_frames_without_a_face_are_replaced_as_long_as_there_are_any(tmp_path):
    write_clip(tmp_path / "clip.mp4", frames=40, missing=set(range(40)) - {1, 7, 8, 20, 33})
    record = record_of(tmp_path / "clip.mp4", frames=9)
    assert [index for _, index in record.origins] == [1, 7, 8, 20, 33]


def test_the_search_for_faces_is_bounded(tmp_path):
    write_clip(tmp_path / "clip.mp4", frames=100, missing=range(100))
    looked = []

    class Counting(StoredLandmarks):
        def detect(self, frames, places, near):
            looked.extend(index for _, index in places)
            return super().detect(frames, places, near)

    (video,) = find_videos(tmp_path / "clip.mp4")
    with pytest.raises(Rejected, match="no face in any of"):
        make_record(video, Counting(), crop="whole", image_size=32, frames=3)
    assert 3 * 8 <= len(looked) < 60
    assert len(set(looked)) == len(looked)


def test_landmarks_that_lie_outside_the_picture_or_nowhere_are_no_face(tmp_path):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=6)
    landmarks[0] += 500
    landmarks[1] = landmarks[1] * 100
    landmarks[2] = 40
    landmarks[3, 5] = np.inf
    np.save(tmp_path / "clip.landmarks.npy", landmarks)
    assert [index for _, index in record_of(tmp_path / "clip.mp4").origins] == [4, 5]


@pytest.mark.parametrize(("usable", "reason"), [(1, "too few usable frames"), (0, "no face")])
def test_fewer_than_two_usable_frames_are_rejected(tmp_path, usable, reason):
    write_clip(tmp_path / "clip.mp4", frames=6, missing=range(6 - usable))
    with pytest.raises(Rejected) as error:
        record_of(tmp_path / "clip.mp4")
    assert error.value.reason == reason
    if usable:
        assert len(record_of(tmp_path / "clip.mp4", fewest=1).frames) == 1


class Noting(StoredLandmarks):
    """Notes what it was asked: (file name, index, near), in lists of what came at once."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def detect(self, frames, places, near):
        names = [(path.name, index) for path, index in places]
        self.asked.append([(*name, face) for name, face in zip(names, near, strict=True)])
        return super().detect(frames, places, near)


def test_near_is_the_face_seen_closest_in_time(tmp_path):
    landmarks = write_clip(tmp_path / "clip.mp4", frames=60)
    detector = Noting()
    (video,) = find_videos(tmp_path / "clip.mp4")
    make_record(video, detector, crop="whole", image_size=32, frames=20)
    known = []
    for batch in detector.asked:
        for _, index, near in batch:
            if known:
                closest = min(known, key=lambda other: abs(other - index))
                assert np.array_equal(near, landmarks[closest])
            else:
                assert near is None
        known += [index for _, index, _ in batch]
    assert sorted(known) == known


def test_the_first_face_is_looked_for_alone_and_the_others_together(tmp_path):
    write_clip(tmp_path / "clip.mp4", frames=60)
    detector = Noting()
    (video,) = find_videos(tmp_path / "clip.mp4")
    make_record(video, detector, crop="whole", image_size=32, frames=20)
    assert [len(batch) for batch in detector.asked] == [1, 8, 8, 3]


@pytest.mark.parametrize(("mode", "first_of_each"), [("whole", 1), ("face", 2)])
def test_the_face_of_another_segment_will_do_in_face_crops_alone(tree, mode, first_of_each):
    detector = Noting()
    video = next(video for video in find_videos(tree) if video.id == "id1/a")
    make_record(video, detector, crop=mode, image_size=32)
    asked = [face for batch in detector.asked for _, _, face in batch]
    assert sum(face is None for face in asked) >= first_of_each
    starts = {name for batch in detector.asked for name, _, face in batch if face is None}
    assert len(starts) == first_of_each


def test_a_file_that_overstates_its_length_still_gives_enough_frames(tmp_path, monkeypatch):
    landmarks = write_clip(tmp_path / "clip.avi", frames=20)

    def overstate(path):
        index = index_video(path)
        return index._replace(durations=np.full(200, 0.04), packets=None)

    def noting(path, indices, index):
        asked.append(list(indices))
        return read_frames(path, indices, index)

    asked = []
    monkeypatch.setattr(search, "index_video", overstate)
    monkeypatch.setattr(search, "read_frames", noting)
    record = record_of(tmp_path / "clip.avi", frames=9)
    assert len(record.frames) == 9
    end = min(index for index in asked[0] if index >= 20)
    assert all(index < end for later in asked[1:] for index in later)  # it has learnt the end
    assert max(index for _, index in record.origins) < len(landmarks)


def test_a_video_of_which_nothing_can_be_decoded_is_unreadable(tmp_path, monkeypatch):
    write_clip(tmp_path / "clip.mp4", frames=10)
    monkeypatch.setattr(search, "read_frames", lambda *_: iter(()))
    with pytest.raises(Rejected, match="none of its frames can be decoded") as error:
        record_of(tmp_path / "clip.mp4")
    assert error.value.reason == "unreadable"


def test_a_video_of_two_pictures_is_near_static(tmp_path):
    one, other = moving_scene(30, 192, 160)[0][[0, 15]]
    landmarks = moving_scene(30, 192, 160)[1]
    write_pictures(tmp_path / "clip.mp4", [one] * 15 + [other] * 15, landmarks)
    gates = OPEN._replace(least_change=6.0)
    with pytest.raises(Rejected, match="near-duplicate") as error:
        record_of(tmp_path / "clip.mp4", frames=9, gates=gates)
    assert error.value.reason == "near-static"
    assert len(record_of(tmp_path / "clip.mp4", frames=2, gates=gates).frames) == 2


def test_frames_that_do_not_fit_into_memory_are_decoded_again_with_the_same_result(
    tmp_path, monkeypatch
):
    write_clip(tmp_path / "clip.mp4", frames=40)
    whole = record_of(tmp_path / "clip.mp4", frames=9)
    monkeypatch.setattr(cutting, "HELD_BYTES", 3 * 96 * 80 * 3)  # three of nine
    again = record_of(tmp_path / "clip.mp4", frames=9)
    assert again.frames == whole.frames
    assert np.array_equal(again.landmarks, whole.landmarks)


def test_segments_that_cannot_be_read_are_left_out(tmp_path):
    for name in ("00001", "00002"):
        write_clip(tmp_path / "id" / "v" / f"{name}.mp4", frames=6)
    (tmp_path / "id" / "v" / "00001.mp4").write_bytes(b"not a video")
    (tmp_path / "id" / "v" / "00003.mp4").write_bytes(b"")
    assert {name for name, _ in record_of(tmp_path).origins} == {"00002.mp4"}


def test_frames_come_from_all_segments(tree):
    video = next(video for video in find_videos(tree) if video.id == "id1/a")
    record = make_record(video, StoredLandmarks(), crop="auto", image_size=32)
    assert {name for name, _ in record.origins} == {"00001.mp4", "00002.mp4"}
    assert record.crop == "whole"


def test_photos_of_one_person_are_one_record_with_a_box_each(tmp_path):
    for seed, width in enumerate((96, 140)):
        write_photo(tmp_path / "me" / f"{seed}.png", seed=seed, width=width)
    (tmp_path / "me" / "2.jpg").write_bytes(b"no picture")
    record = record_of(tmp_path / "me")
    assert record.origins == (("0.png", 0), ("1.png", 0))
    assert record.video == "me"
    centres = record.landmarks.mean(1)
    assert np.abs(centres[0] - centres[1]).max() < 1
