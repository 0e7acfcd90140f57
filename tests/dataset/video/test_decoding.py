"""Chosen frames are those of the whole stream, bit for bit, for less work, whatever the file."""

import os
import struct
from fractions import Fraction
from itertools import pairwise

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from dataset.video import decoding
from dataset.video.decoding import Video, plan_runs
from dataset.video.reading import (
    VideoInfo,
    count_frames,
    index_video,
    probe,
    read_frames,
    stream_frames,
)
from tests.dataset.conftest import moving_scene

FRAMES, GROUP = 50, 12  # frames from one key to the next
X264 = f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0:bframes=3:b-adapt=0:threads=1"
X265 = f"log-level=none:pools=none:frame-threads=1:keyint={GROUP}:min-keyint={GROUP}:bframes=3"
PLAIN = {"g": str(GROUP), "bf": "2", "threads": "1", "sc_threshold": "1000000000"}

# name: encoder, its options, whether the packets tell where the frames are.
KINDS = {
    "h264.mp4": ("libx264", {"x264-params": X264}, True),
    "open.mp4": ("libx264", {"x264-params": X264 + ":open-gop=1"}, True),
    "refresh.mkv": ("libx264", {"x264-params": X264 + ":intra-refresh=1"}, True),
    "h264.mkv": ("libx264", {"x264-params": X264}, True),
    "h264.ts": ("libx264", {"x264-params": X264}, True),
    "h264.avi": ("libx264", {"x264-params": X264}, False),
    "raw.h264": ("libx264", {"x264-params": X264}, False),
    "hevc.mp4": ("libx265", {"x265-params": X265 + ":open-gop=0"}, True),
    "open_hevc.mkv": ("libx265", {"x265-params": X265 + ":open-gop=1"}, True),
    "mpeg4.mov": ("mpeg4", PLAIN, True),
    "mpeg4.avi": ("mpeg4", PLAIN | {"bf": "0"}, True),
    "b.avi": ("mpeg4", PLAIN, True),
    "mjpeg.avi": ("mjpeg", {}, True),
    "mpeg1.mpg": ("mpeg1video", PLAIN, True),
    "mpeg2.mpg": ("mpeg2video", PLAIN, True),
    "vp8.webm": (
        "libvpx",
        {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "9", "cpu-used": "8"},
        False,
    ),
    "vp9.webm": ("libvpx-vp9", {"g": "12", "lag-in-frames": "9", "cpu-used": "8"}, True),
}


def encode(path, codec="libx264", options=None, *, pictures=None, times=None, **settings):
    """Write pictures (F, H, W, 3); `times` in milliseconds, else 25 a second."""
    pictures = moving_scene(FRAMES)[0] if pictures is None else pictures
    height, width = pictures.shape[1:3]
    usual = "yuvj420p" if codec == "mjpeg" else "yuv444p" if height % 2 else "yuv420p"
    unit = Fraction(1, 1000) if times else Fraction(1, 25)
    settings = {"width": width, "height": height, "pix_fmt": usual, "time_base": unit, **settings}
    with av.open(str(path), "w", options={"movflags": "faststart"}) as file:
        stream = file.add_stream(codec, rate=25, options=options or {"x264-params": X264})
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        for time, picture in zip(times or range(len(pictures)), pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format=settings["pix_fmt"], dst_colorspace=settings.get("colorspace")
            )
            frame.pts, frame.time_base = time, unit
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def kind(request, tmp_path_factory):
    codec, options, _ = KINDS[request.param]
    return encode(tmp_path_factory.mktemp("kind") / request.param, codec, options)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("clip") / "clip.mp4")


def decoded(monkeypatch):
    """Return a list that grows with the time of each frame that leaves a decoder."""
    times, decode = [], Video.decode

    def counting(self, packet):
        frames = decode(self, packet)
        times.extend(frame.pts for frame in frames)
        return frames

    monkeypatch.setattr(Video, "decode", counting)
    return times


def random_subsets(frames, count=12):
    rng = np.random.default_rng(0)
    for size in rng.integers(1, 9, count):
        yield rng.choice(frames, size, replace=False).tolist()


def assert_equal(found, every, indices):
    found = dict(found)
    assert list(found) == sorted(indices)
    for index, frame in found.items():
        np.testing.assert_array_equal(frame, every[index])


@pytest.mark.parametrize("kind", KINDS, indirect=True)
@pytest.mark.parametrize("seek_bytes", [-1, 10**9], ids=["seek", "drop"])
def test_chosen_frames_are_those_of_the_stream(kind, seek_bytes, monkeypatch):
    monkeypatch.setattr(decoding, "SEEK_BYTES", seek_bytes)
    every, index = list(stream_frames(kind)), index_video(kind)
    assert len(every) == FRAMES
    assert len(index.durations) == FRAMES
    assert probe(kind) == VideoInfo(FRAMES, 25.0, 96, 80)
    assert count_frames(kind) == FRAMES
    assert (index.packets is not None) == KINDS[kind.name][2]
    np.testing.assert_allclose(index.durations, 0.04, atol=0.0011)
    for indices in random_subsets(FRAMES):
        assert_equal(read_frames(kind, indices, index), every, indices)
    assert_equal(read_frames(kind, [3, 40]), every, [3, 40])


@pytest.mark.parametrize("kind", ["h264.mp4", "open.mp4", "h264.avi"], indirect=True)
def test_frames_appear_in_the_order_in_which_they_were_written(kind):
    pictures = moving_scene(FRAMES)[0].astype(int)
    for index, frame in read_frames(kind, range(FRAMES)):
        errors = np.abs(pictures[max(index - 5, 0) : index + 6] - frame).mean((1, 2, 3))
        assert max(index - 5, 0) + errors.argmin() == index


def test_only_the_frames_that_are_needed_are_decoded(clip, monkeypatch):
    index = index_video(clip)
    times = decoded(monkeypatch)
    list(read_frames(clip, [FRAMES - 3], index))
    assert (
        1 <= len(times) <= GROUP // 2
    )  # of 12 to the next key two thirds are B, half of them idle
    times.clear()
    list(read_frames(clip, [0, 1, GROUP, 3 * GROUP], index))
    assert len(times) <= 6
    times.clear()
    list(read_frames(clip, range(FRAMES), index))
    assert len(times) == FRAMES


def test_an_index_decodes_nothing_and_is_made_once(clip, monkeypatch):
    times = decoded(monkeypatch)
    made = index_video(clip)
    assert index_video(clip) is made
    assert times == []


def test_a_file_that_has_changed_is_indexed_anew(clip, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip.read_bytes())
    before = len(index_video(path).durations)
    encode(path, pictures=moving_scene(7)[0])
    assert (before, len(index_video(path).durations)) == (FRAMES, 7)


def test_frames_stored_behind_the_key_that_follows_them_are_decoded_in_one_run():
    # In the order of decoding: I0 P3 B1 B2 | I6 B4 B5 P9 B7 B8
    packets = decoding.Packets(
        times=np.array([0, 3, 1, 2, 6, 4, 5, 9, 7, 8]),
        keys=np.array([1, 0, 0, 0, 1, 0, 0, 0, 0, 0], bool),
        sizes=np.ones(10, np.int64),
        shown=np.array([0, 2, 3, 1, 5, 6, 4, 8, 9, 7]),
    )
    assert plan_runs(packets, [4, 8]) == [(0, 9, [4, 8])]
    assert plan_runs(packets, [1, 8]) == [(0, 2, [1]), (4, 9, [8])]


def test_packets_that_mislead_are_found_out(clip):
    every, index = list(stream_frames(clip)), index_video(clip)
    late = index.packets._replace(times=index.packets.times + 1)
    assert_equal(read_frames(clip, [5, 30], index._replace(packets=late)), every, [5, 30])
    keys = np.zeros_like(index.packets.keys)
    keys[0] = keys[30] = True
    false_key = index.packets._replace(keys=keys)
    assert_equal(read_frames(clip, [2, 44], index._replace(packets=false_key)), every, [2, 44])


def test_a_seek_that_lands_too_late_begins_again(clip, monkeypatch):
    every, opened = list(stream_frames(clip)), []
    monkeypatch.setattr(decoding, "SEEK_BYTES", -1)
    first = index_video(clip)
    open_file = decoding.av.open

    class Late:
        def __init__(self, *arguments, **options):
            opened.append(1)
            self.real = open_file(*arguments, **options)

        def seek(self, time, **options):
            self.real.seek(time * 2, **options)

        def __getattr__(self, name):
            return getattr(self.real, name)

    monkeypatch.setattr(decoding.av, "open", Late)
    times = decoded(monkeypatch)
    assert_equal(read_frames(clip, [15, 20], first), every, [15, 20])
    assert len(opened) == 2
    assert len(times) <= 9  # they are found by dropping packets, not by decoding all


def test_frames_of_varying_length_are_found_and_timed(tmp_path):
    lengths = np.random.default_rng(3).integers(10, 200, FRAMES)
    times = np.concatenate([[0], np.cumsum(lengths)[:-1]]).tolist()
    path = encode(tmp_path / "vfr.mp4", times=times)
    every = list(stream_frames(path))
    assert len(every) == FRAMES
    for indices in random_subsets(FRAMES):
        assert_equal(read_frames(path, indices), every, indices)
    durations = index_video(path).durations
    np.testing.assert_allclose(durations[:-1], lengths[:-1] / 1000, atol=1e-4)
    assert durations[-1] == pytest.approx(np.median(lengths[:-1]) / 1000, abs=1e-4)


def test_durations_are_equal_where_times_are_unknown(tmp_path):
    path = encode(tmp_path / "raw.h264")
    np.testing.assert_array_equal(index_video(path).durations, np.full(FRAMES, 1 / probe(path).fps))


def test_one_frame_lasts_as_long_as_the_rate_says(tmp_path):
    path = encode(tmp_path / "one.mp4", pictures=moving_scene(1)[0])
    assert index_video(path).durations == pytest.approx([0.04])


ONE = 1 << 16  # of a display matrix, which turns (x, y) to (ax + cy, bx + dy)
TURNS = {
    90: ((0, ONE, -ONE, 0), lambda picture: np.rot90(picture, -1)),
    180: ((-ONE, 0, 0, -ONE), lambda picture: np.rot90(picture, 2)),
    270: ((0, -ONE, ONE, 0), lambda picture: np.rot90(picture, 1)),
    "mirrored": ((-ONE, 0, 0, ONE), lambda picture: picture[:, ::-1]),
    "transposed": ((0, ONE, ONE, 0), lambda picture: picture.swapaxes(0, 1)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_the_flags_of_phones_turn_the_frames(clip, tmp_path, turn):
    (a, b, c, d), turned = TURNS[turn]
    old = struct.pack(">9i", ONE, 0, 0, 0, ONE, 0, 0, 0, ONE << 14)
    new = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, ONE << 14)
    head, mark, rest = clip.read_bytes().partition(b"tkhd")
    assert old in rest[:100]
    path = tmp_path / "phone.mp4"
    path.write_bytes(head + mark + rest.replace(old, new, 1))
    every = [turned(frame) for frame in stream_frames(clip)]
    np.testing.assert_array_equal(list(stream_frames(path)), every)
    assert_equal(read_frames(path, [7, 33]), every, [7, 33])
    height, width = every[0].shape[:2]
    assert probe(path) == (FRAMES, 25.0, width, height)


def test_odd_sides_are_kept(tmp_path):
    pictures = moving_scene(FRAMES, width=65, height=51)[0]
    path = encode(tmp_path / "odd.mp4", pictures=pictures)
    assert probe(path)[2:] == (65, 51)
    for index, frame in read_frames(path, [0, 30]):
        assert np.abs(frame.astype(int) - pictures[index]).mean() < 4


@pytest.mark.parametrize("colorspace", [1, 5], ids=["BT.709", "BT.601"])
def test_colours_are_those_that_were_written_whatever_their_tag(tmp_path, colorspace):
    colours = np.array([[200, 30, 40], [20, 180, 60], [30, 50, 220], [210, 160, 130]], np.uint8)
    picture = np.broadcast_to(colours[None].repeat(16, 1)[..., None, :], (1, 64, 32, 3))
    picture = np.ascontiguousarray(picture.reshape(1, 64, 32, 3))
    path = encode(tmp_path / "tag.mp4", pictures=picture, colorspace=colorspace)
    frame = next(stream_frames(path)).astype(int)
    assert np.abs(frame[8::16, 16] - colours).max() <= 6


@pytest.mark.parametrize(
    "kind", ["h264.mp4", "h264.mkv", "mpeg4.avi", "mpeg1.mpg", "h264.ts"], indirect=True
)
def test_a_file_cut_anywhere_gives_the_frames_it_has(kind, tmp_path):
    whole, every = kind.read_bytes(), list(stream_frames(kind))
    cut = tmp_path / kind.name
    counts = []
    for tenth in range(10):
        cut.write_bytes(whole[: len(whole) * tenth // 10])
        try:
            frames, stated = list(stream_frames(cut)), probe(cut).frames
        except ValueError as error:
            assert cut.name in str(error)
            frames, stated = [], 0
        counts.append(len(frames))
        assert 0 <= stated - len(frames) <= 1  # the last packet may be cut beyond recognition
        # The last few may have been stored before others that are gone, or be cut themselves.
        for index in range(len(frames) - 5):
            np.testing.assert_array_equal(frames[index], every[index])
        if frames:
            assert_equal(read_frames(cut, range(len(frames))), frames, range(len(frames)))
    assert all(before <= after for before, after in pairwise(counts))
    assert counts[0] == 0
    assert counts[5] < FRAMES
    assert counts[8] > 0


def test_damage_in_the_middle_costs_no_more_than_some_frames(clip, tmp_path):
    content = bytearray(clip.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    path = tmp_path / "hurt.mp4"
    path.write_bytes(content)
    left = count_frames(path)
    assert FRAMES // 2 < left < FRAMES
    assert len(list(stream_frames(path))) == left
    assert list(dict(read_frames(path, range(FRAMES)))) == list(range(left))
    assert_equal(read_frames(path, [0, FRAMES - 1]), list(stream_frames(clip)), [0, FRAMES - 1])


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "speech.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 16000
        file.mux(stream.encode(silence))
        file.mux(stream.encode(None))
    for function in (probe, count_frames, lambda path: next(stream_frames(path))):
        with pytest.raises(ValueError, match=r"speech\.mp4 is not a video"):
            function(path)


def test_a_song_with_a_cover_is_no_video(tmp_path):
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=48000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width = cover.height = 32
        cover.pix_fmt = "yuvj420p"
        cover.disposition = Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(picture) + cover.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 48000
        container.mux(sound.encode(silence) + sound.encode(None))
    with pytest.raises(ValueError, match=r"song\.m4a is not a video: it has sound and a cover"):
        index_video(path)


def test_pictures_that_cannot_be_decoded_are_refused(clip, tmp_path):
    content = clip.read_bytes()
    start = content.index(b"mdat") + 4
    path = tmp_path / "zero.mp4"
    size = struct.unpack(">I", content[start - 8 : start - 4])[0] - 8
    path.write_bytes(content[:start] + bytes(size) + content[start + size :])
    with pytest.raises(ValueError, match=r"zero\.mp4"):
        probe(path)
    assert list(read_frames(path, [0, 30])) == []


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    for function in (probe, count_frames, lambda path: list(read_frames(path, [0]))):
        with pytest.raises(FileNotFoundError, match=r"pipe\.mp4"):
            function(tmp_path / "pipe.mp4")


def test_names_with_colons_and_titles_in_latin_1_are_no_hindrance(clip, tmp_path, monkeypatch):
    with av.open(str(tmp_path / "titled.mp4"), "w") as file, av.open(str(clip)) as source:
        file.metadata["title"] = "Glueck"
        stream = file.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                file.mux(packet)
    content = (tmp_path / "titled.mp4").read_bytes()
    assert b"Glueck" in content
    (tmp_path / "at-12:30.mp4").write_bytes(content.replace(b"Glueck", "Glückk".encode("latin-1")))
    monkeypatch.chdir(tmp_path)
    assert probe("at-12:30.mp4").frames == FRAMES


def test_a_reader_that_stops_early_closes_the_file(clip, monkeypatch):
    closed, leave = [], Video.__exit__
    monkeypatch.setattr(Video, "__exit__", lambda self, *e: closed.append(1) or leave(self, *e))
    index = index_video(clip)
    closed.clear()
    for frames in (stream_frames(clip), read_frames(clip, [2, 3], index)):
        next(frames)
        frames.close()
    assert len(closed) == 2


def test_colours_and_counts_agree_with_opencv(clip):
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    for frame in stream_frames(clip):
        there, other = capture.read()
        assert there
        assert np.abs(frame.astype(int) - other[..., ::-1]).max() <= 2
    assert not capture.read()[0]
