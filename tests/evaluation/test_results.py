"""Results on disk: what was written comes back, and what is damaged is made again."""

import json

import numpy as np
import pytest

from evaluation import results
from evaluation.results import ResultStore
from evaluation.trial import Result
from tests.evaluation.conftest import made_up, strip

VIDEO = "id00001/video000"
MADE_WITH = {"shots": (1, 8), "drawn": None, "seed": 0}


@pytest.fixture
def stored(tmp_path):
    store = ResultStore(tmp_path / "model")
    store.write(VIDEO, made_up(0.625), MADE_WITH)
    return store


def assert_same(read, written):
    assert read[:3] == written[:3]
    assert list(read.features) == list(written.features)
    for name, features in written.features.items():
        assert read.features[name].dtype == np.float32
        assert np.array_equal(read.features[name], features)
    assert list(read.strips) == list(written.strips)
    for name, pictures in written.strips.items():
        assert list(read.strips[name]) == list(pictures)
        for title, picture in pictures.items():
            assert np.array_equal(read.strips[name][title], picture), title


def test_what_was_written_comes_back_bit_by_bit(stored):
    assert_same(stored.read(VIDEO, MADE_WITH), made_up(0.625))


def test_scores_that_are_none_and_results_without_arrays_come_back(tmp_path):
    row = {"shots": 1, "method": "copy nearest", "scores": {"ssim": 0.1 + 0.2, "pose_error": None}}
    plain = Result([row], [], [], {}, {})
    ResultStore(tmp_path).write("flat id ö", plain, MADE_WITH)
    assert ResultStore(tmp_path).read("flat id ö", MADE_WITH) == plain
    assert [path.name for path in tmp_path.iterdir()] == ["flat id ö.json"]


def test_every_video_has_files_of_its_own(stored):
    stored.write("id00001/video001", made_up(0.25), MADE_WITH)
    assert_same(stored.read(VIDEO, MADE_WITH), made_up(0.625))
    assert_same(stored.read("id00001/video001", MADE_WITH), made_up(0.25))
    assert stored.read("id00001/video002", MADE_WITH) is None


@pytest.mark.parametrize(
    "other",
    [{**MADE_WITH, "seed": 1}, {**MADE_WITH, "shots": (1, 8, 32)}, {"shots": (1, 8)},
     {**MADE_WITH, "more": 0}],
)  # fmt: skip
def test_what_was_made_otherwise_is_made_again(stored, other):
    assert stored.read(VIDEO, other) is None
    stored.write(VIDEO, made_up(0.25), other)
    assert_same(stored.read(VIDEO, other), made_up(0.25))
    assert stored.read(VIDEO, MADE_WITH) is None


def test_results_of_another_format_are_made_again(stored, monkeypatch):
    monkeypatch.setattr(results, "FORMAT", results.FORMAT + 1)
    assert stored.read(VIDEO, MADE_WITH) is None


FILES = (".json", ".npz", ".self.png", ".cross.png")


@pytest.mark.parametrize("suffix", FILES)
def test_a_missing_file_makes_the_result_count_as_missing(stored, suffix):
    (stored.folder / f"{VIDEO}{suffix}").unlink()
    assert stored.read(VIDEO, MADE_WITH) is None


@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("kept", [0, 1, 10, 0.3, 0.6, 0.9])
def test_a_file_that_was_cut_makes_the_result_count_as_missing(stored, suffix, kept):
    path = stored.folder / f"{VIDEO}{suffix}"
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    assert stored.read(VIDEO, MADE_WITH) is None


@pytest.mark.parametrize("suffix", FILES)
def test_a_file_of_something_else_makes_the_result_count_as_missing(stored, suffix):
    for data in (b"\xff" * 100, b"[]", b"null", b'{"made_with": 1}'):
        (stored.folder / f"{VIDEO}{suffix}").write_bytes(data)
        assert stored.read(VIDEO, MADE_WITH) is None


def test_features_that_were_damaged_are_made_again(stored):
    path = stored.folder / f"{VIDEO}.npz"
    data = bytearray(path.read_bytes())
    at = data.index(made_up(0.625).features["4 fine-tuned"].tobytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert stored.read(VIDEO, MADE_WITH) is None


def test_strips_of_another_size_are_made_again(stored):
    results.write_image(stored.folder / f"{VIDEO}.self.png", strip("one", size=7)["one"])
    assert stored.read(VIDEO, MADE_WITH) is None


def test_the_file_that_counts_is_written_last(tmp_path, monkeypatch):
    order = []
    replacing = results.replacing

    def noted(path, **options):
        order.append(path.name)
        return replacing(path, **options)

    monkeypatch.setattr(results, "replacing", noted)
    monkeypatch.setattr("dataset.images.replacing", noted)
    ResultStore(tmp_path).write("clip", made_up(0.5), MADE_WITH)
    assert order == ["clip.npz", "clip.self.png", "clip.cross.png", "clip.json"]


@pytest.mark.parametrize("broken", ["write_image", "json"])
def test_a_write_that_was_cut_short_never_mixes_old_numbers_with_new_pictures(
    stored, monkeypatch, broken
):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    target = results if broken == "write_image" else results.json
    monkeypatch.setattr(target, "write_image" if broken == "write_image" else "dumps", full)
    with pytest.raises(OSError, match="No space"):
        stored.write(VIDEO, made_up(0.25), {"shots": [1, 8]})
    monkeypatch.undo()
    read = stored.read(VIDEO, MADE_WITH)
    if read is not None:
        assert_same(read, made_up(0.625))
    assert not list(stored.folder.rglob(".partial*"))


def test_the_numbers_are_strict_json(stored):
    def refuse(name):
        raise AssertionError(name)

    text = (stored.folder / f"{VIDEO}.json").read_text()
    assert json.loads(text, parse_constant=refuse)["made_with"]["shots"] == [1, 8]
