"""Records come back as they were; whatever else a file holds is refused and never run."""

import io
import json
import os
import pickle
import pickletools

import numpy as np
import pytest

from dataset.images import encode_jpeg
from dataset.store import (
    Record,
    StoreError,
    append_manifest,
    good_videos,
    read_manifest,
    read_record,
    read_settings,
    read_videos,
    video_path,
    write_record,
    write_settings,
    write_videos,
)
from dataset.unpickling import UnsafePickleError, load_plain
from tests.conftest import run_script


def make(frames=3, **changes):
    """Return a sound record, or one with some of its fields replaced."""
    rng = np.random.default_rng(0)
    record = Record(
        video="id1/a",
        frames=tuple(encode_jpeg(np.full((8, 8, 3), i, np.uint8), 90) for i in range(frames)),
        landmarks=rng.uniform(0, 64, (frames, 68, 2)).astype(np.float32),
        origins=tuple(("00001.mp4", i) for i in range(frames)),
        image_size=64,
        detector="stored",
        crop="whole",
    )
    return record._replace(**changes)


def plain(**changes):
    """Return what a pickle of `make()` holds, with some entries replaced."""
    return {"format": 1} | make()._asdict() | {
        "frames": list(make().frames), "origins": list(make().origins),
    } | changes  # fmt: skip


def test_a_record_comes_back_as_it_was(tmp_path):
    path = tmp_path / "id1" / "a.pkl"
    write_record(path, make())
    read = read_record(path)
    assert np.array_equal(read.landmarks, make().landmarks)
    assert read.landmarks.dtype == np.float32
    assert read._replace(landmarks=None) == make()._replace(landmarks=None)


def test_equal_records_give_equal_bytes(tmp_path):
    origins = tuple(("".join(["0000", "1.mp4"]), i) for i in range(3))  # strings of their own
    write_record(tmp_path / "a.pkl", make())
    write_record(tmp_path / "b.pkl", make(origins=origins, video="id1" + "/a"[:]))
    assert (tmp_path / "a.pkl").read_bytes() == (tmp_path / "b.pkl").read_bytes()


def test_a_record_is_an_ordinary_pickle_of_a_plain_dict(tmp_path):
    write_record(tmp_path / "a.pkl", make())
    loaded = pickle.loads((tmp_path / "a.pkl").read_bytes())
    assert loaded["format"] == 1
    assert isinstance(loaded["landmarks"], np.ndarray)
    assert isinstance(loaded["frames"][0], bytes)


def test_records_of_numpy_1_and_2_are_both_read(tmp_path):
    write_record(tmp_path / "a.pkl", make())
    data = (tmp_path / "a.pkl").read_bytes()
    names = (b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
    now, then = names if names[0] in data else names[::-1]
    other = _without_frame(data).replace(now, then)
    assert other.count(then) == 1
    (tmp_path / "b.pkl").write_bytes(other)
    assert np.array_equal(read_record(tmp_path / "b.pkl").landmarks, make().landmarks)


def _without_frame(data):
    """Drop the length that protocol 4 states in front, since replacing names changes it."""
    assert data[2:3] == b"\x95"
    return data[:2] + data[11:]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        (
            {"landmarks": np.zeros((2, 68, 2), np.float32)},
            r"landmarks must be float32 \(3, 68, 2\)",
        ),
        ({"landmarks": np.zeros((3, 68, 2))}, "landmarks must be float32"),
        ({"landmarks": np.full((3, 68, 2), np.nan, np.float32)}, "landmarks must be finite"),
        ({"landmarks": [[1.0]]}, "landmarks must be float32"),
        ({"frames": [b"\x89PNG"] * 3}, "frames must be JPEGs"),
        ({"frames": []}, "at least one frame"),
        ({"frames": b"\xff\xd8"}, "frames must be a list"),
        ({"origins": [("a", 0)]}, "origins must be 3 pairs"),
        ({"origins": [("a", -1), ("a", 0), ("a", 1)]}, "origins must be 3 pairs"),
        ({"origins": ["a"] * 3}, "origins must be 3 pairs"),
        ({"image_size": 0}, "image_size must be a positive"),
        ({"image_size": True}, "image_size must be a positive"),
        ({"video": ""}, "video, detector and crop must be words"),
        ({"crop": 3}, "video, detector and crop must be words"),
        ({"format": 2}, "format 1, it has 2"),
        ({"extra": 1}, "must hold video, frames"),
    ],
)
def test_every_field_is_checked_by_name(tmp_path, changes, rule):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(plain(**changes), protocol=4))
    with pytest.raises(StoreError, match=rule) as error:
        read_record(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unsound_record_is_not_written(tmp_path):
    with pytest.raises(StoreError, match="finite"):
        write_record(tmp_path / "a.pkl", make(landmarks=np.full((3, 68, 2), np.inf, np.float32)))
    assert list(tmp_path.iterdir()) == []


class Touch:
    """Runs a command when it is unpickled by anything careless."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_is_refused_and_not_executed(tmp_path, protocol):
    mark = tmp_path / "executed"
    path = tmp_path / "a.pkl"
    for content in (Touch(mark), plain(video=Touch(mark)), [Touch(mark)], {Touch(mark): 1}):
        path.write_bytes(pickle.dumps(content, protocol=protocol))
        with pytest.raises(StoreError, match=r"a\.pkl"):
            read_record(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())
    assert mark.exists()  # so the pickle was hostile indeed


DTYPE = b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93"  # pushes numpy.dtype
HOSTILE = {
    "an attribute of a function": DTYPE + b"N}\x8c\x08__init__K\x01s\x86b.",
    "a class of its own": DTYPE + b"N}\x8c\x09__class__K\x01s\x86b.",
    "an array class called with a shape": (
        b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93J\x00\x00\x00\x7f\x85R."
    ),
    "a builtin": b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x031+1\x85R.",
    "an array as a word": b"\x80\x04}\x8c\x05videoG?\xf0\0\0\0\0\0\0s.",
    "a huge memo": b"\x80\x04Nr\xff\xff\xff\x7f.",
    "a huge buffer": b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"x.",
    "a huge string": b"\x80\x04X\xff\xff\xff\x7fx.",
    "a huge number": b"\x80\x04\x8b\xff\xff\xff\x7fx.",
    "a list in itself": b"\x80\x04]\x94h\x00a.",
    "tuples within tuples": b"\x80\x04K\x01\x85\x94" + b"".join(
        bytes([104, i, 104, i, 0x86, 0x94]) for i in range(60)
    ) + b"}" + bytes([104, 60]) + b"K\x01s.",
    "deep lists": b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a persistent id": b"\x80\x04K\x01Q.",
    "an empty stack": b"\x80\x04.",
    "nothing": b"",
    "text": b"hello world",
    "bytes after the end": pickle.dumps({"format": 1}, protocol=4) + b"x",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_bytes_made_to_harm_are_refused_with_one_error(tmp_path, name):
    path = tmp_path / "a.pkl"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(StoreError, match=r"a\.pkl"):
        read_record(path)


@pytest.mark.parametrize("name", ["a huge memo", "a persistent id"])
def test_opcodes_that_plain_values_do_not_need_are_refused_before_anything_is_allocated(name):
    with pytest.raises(UnsafePickleError, match="which plain values do not need"):
        load_plain(HOSTILE[name])


def array_state(shape, dtype, raw):
    """Return a pickle of an array whose stated shape and dtype are made up."""

    class Fake:
        def __reduce__(self):
            reconstruct = np.zeros(1).__reduce__()[0]
            return reconstruct, (np.ndarray, (0,), b"b"), (1, shape, dtype, False, raw)

    stream = io.BytesIO()
    pickle.Pickler(stream, protocol=4).dump(plain(landmarks=Fake()))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("shape", "dtype", "raw"),
    [
        ((1 << 20, 1 << 20), np.dtype("f4"), b"abcd"),  # 4 TiB
        ((1 << 40, 0), np.dtype("f4"), b""),
        ((-1, 4), np.dtype("f4"), b"abcd"),
        ((1,), np.dtype("O"), [print]),
        ((2,), np.dtype("O"), b"0123456789abcdef"),
        ((1,), np.dtype([("a", "f4")]), b"abcd"),
        ((1,), np.dtype("S4"), b"abcd"),
        (("x",), np.dtype("f4"), b"abcd"),
        (5, np.dtype("f4"), b"abcd"),
        ((1,), "f4", b"abcd"),
        ((1,), np.dtype("f4"), "abcd"),
    ],
)
def test_arrays_of_made_up_shape_or_type_are_refused_without_making_them(
    tmp_path, shape, dtype, raw
):
    path = tmp_path / "a.pkl"
    path.write_bytes(array_state(shape, dtype, raw))
    with pytest.raises(StoreError):
        read_record(path)


@pytest.mark.parametrize(
    ("count", "seed"),
    [(1500, 0), *(pytest.param(6000, seed, marks=pytest.mark.slow) for seed in range(2))],
)
def test_damaged_records_run_nothing_and_raise_nothing_but_their_own_error(tmp_path, count, seed):
    done = run_script("-m", "tests.dataset.fuzz_records", count, seed, tmp_path)
    assert done.returncode == 0, done.stderr
    refused, sound = map(int, done.stdout.split())
    assert refused + sound == count
    assert refused > count * 4000 / 6000
    assert sound > count * 100 / 6000  # so the mutations are not all blatant


def test_the_watch_over_damaged_records_sees_what_a_careless_reader_runs(tmp_path):
    done = run_script("-m", "tests.dataset.fuzz_records", 6000, 2, tmp_path, "careless")
    assert done.returncode == 3


def test_only_the_opcodes_of_plain_values_are_written(tmp_path):
    write_record(tmp_path / "a.pkl", make())
    data = (tmp_path / "a.pkl").read_bytes()
    named = [arg for op, arg, _ in pickletools.genops(data) if "UNICODE" in op.name]
    modules = {name for name in named if name.startswith("numpy")}
    assert modules <= {"numpy", "numpy._core.multiarray", "numpy.core.multiarray"}


@pytest.mark.parametrize(
    "video", ["", "/etc/passwd", "../a", "a/../../b", "a\\b", "a\nb", "a\udcff"]
)
def test_an_id_cannot_lead_out_of_the_folder_or_break_the_list(tmp_path, video):
    with pytest.raises(StoreError, match="video id"):
        video_path(tmp_path, video)


def test_ids_with_dots_and_foreign_letters_keep_them(tmp_path):
    assert video_path(tmp_path, "id1/v1.5 größe") == tmp_path / "id1" / "v1.5 größe.pkl"


def test_the_list_of_videos_is_sorted_and_comes_back(tmp_path):
    write_videos(tmp_path, ["id2/b", "id1/ü", "id1/a"])
    assert read_videos(tmp_path) == ["id1/a", "id1/ü", "id2/b"]
    write_videos(tmp_path, [])
    assert read_videos(tmp_path) == []


def test_a_folder_without_a_list_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        read_videos(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"holds no videos\.txt: preprocess"):
        read_videos(tmp_path)


def test_the_last_whole_line_about_a_video_counts(tmp_path):
    append_manifest(tmp_path, {"video": "a", "ok": False, "reason": "no face"})
    append_manifest(tmp_path, {"video": "b", "ok": True})
    with (tmp_path / "manifest.jsonl").open("a") as file:
        file.write('{"video": "b", "ok": fal')  # killed here
    append_manifest(tmp_path, {"video": "a", "ok": True, "frames": 9})
    read = read_manifest(tmp_path)
    assert read == {"a": {"video": "a", "ok": True, "frames": 9}, "b": {"video": "b", "ok": True}}


@pytest.mark.parametrize("line", ["[]", "3", '{"ok": true}', '{"video": 1, "ok": true}', "\xff"])
def test_strange_lines_of_the_manifest_are_ignored(tmp_path, line):
    (tmp_path / "manifest.jsonl").write_bytes(line.encode("latin1") + b"\n")
    assert read_manifest(tmp_path) == {}


def test_good_videos_are_those_that_are_there(tmp_path):
    for video in ("a", "b"):
        append_manifest(tmp_path, {"video": video, "ok": True})
    append_manifest(tmp_path, {"video": "c", "ok": True})
    append_manifest(tmp_path, {"video": "c", "ok": False})  # the last line counts
    write_record(tmp_path / "b.pkl", make())
    write_record(tmp_path / "c.pkl", make())
    assert list(good_videos(tmp_path)) == ["b"]


SETTINGS = {"image_size": 64, "frames_per_video": 9, "crop": "auto"}


def test_settings_come_back_and_other_ones_are_refused_in_one_line(tmp_path):
    write_settings(tmp_path, SETTINGS)
    write_settings(tmp_path, SETTINGS)
    assert read_settings(tmp_path) == SETTINGS
    with pytest.raises(ValueError, match=r"--image-size must be 64, as .* begun .* got 128"):
        write_settings(tmp_path, SETTINGS | {"image_size": 128})


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"frames_per_video": "x"}'])
def test_damaged_settings_are_named(tmp_path, content):
    (tmp_path / "data.json").write_text(content)
    with pytest.raises(StoreError, match=r"data\.json is damaged"):
        read_settings(tmp_path)


def test_a_folder_of_an_earlier_version_is_named_as_that(tmp_path):
    write_settings(tmp_path, SETTINGS)
    with pytest.raises(ValueError, match=r"earlier version, which had no --least-face"):
        write_settings(tmp_path, SETTINGS | {"least_face": 0.2})


def test_settings_are_readable_text(tmp_path):
    write_settings(tmp_path, SETTINGS)
    assert json.loads((tmp_path / "data.json").read_text()) == SETTINGS
