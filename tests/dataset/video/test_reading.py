"""Videos are read frame by frame."""

import tracemalloc

import numpy as np
import pytest

from dataset.video.reading import count_frames, probe, read_frames, stream_frames
from tests.dataset.conftest import moving_scene, write_clip


def test_probe_tells_size_rate_and_length(clip):
    assert probe(clip) == (30, 25.0, 96, 80)


def test_chosen_frames_equal_those_of_the_whole_stream(clip):
    every = list(stream_frames(clip))
    assert len(every) == 30
    chosen = dict(read_frames(clip, [17, 3, 3, 29, 0]))
    assert list(chosen) == [0, 3, 17, 29]
    assert all(np.array_equal(frame, every[index]) for index, frame in chosen.items())


def test_frames_are_rgb_and_close_to_what_was_written(clip):
    pictures, _ = moving_scene(30)
    for index, frame in read_frames(clip, [5, 20]):
        assert np.abs(frame.astype(int) - pictures[index]).mean() < 4


def test_indices_beyond_the_end_are_left_out(clip):
    assert [index for index, _ in read_frames(clip, [28, 30, 5000])] == [28]


def test_a_file_that_overstates_its_length_gives_the_frames_it_has(clip, tmp_path):
    short = tmp_path / "short.avi"
    write_clip(short, frames=30)
    whole = short.read_bytes()
    short.write_bytes(whole[: len(whole) // 2])
    stated, counted = probe(short).frames, count_frames(short)
    assert 0 < counted < 30
    assert stated >= counted
    assert len(dict(read_frames(short, range(30)))) == counted


def test_a_stream_holds_one_frame_at_a_time(tmp_path):
    path = tmp_path / "long.mp4"
    write_clip(path, frames=120, width=320, height=240)
    tracemalloc.start()
    for _ in stream_frames(path):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 320 * 240 * 3


@pytest.mark.parametrize("content", [b"", b"not a video at all", b"\0" * 5000])
@pytest.mark.parametrize("function", [probe, count_frames])
def test_what_is_no_video_is_refused_by_name_and_in_silence(tmp_path, capfd, content, function):
    path = tmp_path / "00001.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"00001\.mp4 is not a video"):
        function(path)
    assert capfd.readouterr().err == ""


def test_a_missing_video_and_a_folder_are_named(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    for name in ("gone.mp4", "folder.mp4"):
        with pytest.raises(FileNotFoundError, match=name):
            probe(tmp_path / name)
