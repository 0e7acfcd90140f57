"""Files that dlib wrote are read whole; damaged ones end in one line, and soon."""

import random
import re
import time

import pytest
import torch

from pretrained.dlib_dat import read_network
from pretrained.dlib_files import model_file
from pretrained.dlib_resnet import FILE, DlibResNet

NAMES = rb"loss_metric_2|input_rgb|con_4|affine_|add_prev_|relu_|max_pool_2|avg_pool_2|fc_2"
AROUND = 64  # bytes before and after a name, where sizes and versions lie
PATIENCE = 10  # seconds for a file, which takes a fiftieth of one
HUGE = b"\x08" + b"\xff" * 8  # an integer
INPUT = (122.782, 117.001, 104.298)  # Source: dlib, `input_rgb_image_sized`


@pytest.fixture(scope="module")
def whole() -> bytes:
    return model_file(FILE).read_bytes()


@pytest.fixture(scope="module")
def places(whole) -> list[int]:
    """Where the layers' names lie."""
    return [match.start() for match in re.finditer(NAMES, whole)]


def complaint(content: bytes, path) -> str:
    """Make a network of a file; what is wrong with it, or nothing."""
    path.write_bytes(content)
    start = time.monotonic()
    try:
        DlibResNet(read_network(path), path)
    except ValueError as error:
        assert str(path) in str(error)
        assert str(error).isprintable()  # and so one line
        return str(error)
    finally:
        assert time.monotonic() - start < PATIENCE
    return ""


def damaged(whole: bytes, places: list[int], seed: int) -> bytes:
    """Cut a file short, or change or shift what lies around a layer's name."""
    rng = random.Random(seed)
    place = max(rng.choice(places) + rng.randint(-AROUND, AROUND), 0)
    other = rng.choice([b"", b"\x00", b"\xff" * 8, HUGE, rng.randbytes(1), rng.randbytes(9)])
    if rng.random() < 0.2:
        return whole[:place]
    overwritten = rng.choice([len(other), 0, 1, 2])
    return whole[:place] + other + whole[place + overwritten :]


def test_the_network_that_dlib_stored_is_read(whole, tmp_path):
    stored = read_network(model_file(FILE))
    assert stored.mean == pytest.approx(INPUT, abs=1e-3)
    assert stored.size == (150, 150)
    kinds = [layer.kind for layer in stored.layers]
    assert kinds.count("con_4") == kinds.count("affine_") == 29
    assert sum(w.numel() for layer in stored.layers for w in layer.weights) == 5_614_592
    assert all(w.dtype == torch.float32 for layer in stored.layers for w in layer.weights)
    assert complaint(whole, tmp_path / "copy.dat") == ""


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "file.dat"
    with pytest.raises(FileNotFoundError, match=r"file\.dat"):
        read_network(path)
    assert "byte 0" in complaint(b"", path)
    assert complaint(b"mean: 122.782\n" * 100, path)
    assert complaint(model_file("shape_predictor_68_face_landmarks.dat").read_bytes(), path)
    detector = model_file("mmod_human_face_detector.dat").read_bytes()
    assert "loss must be 'loss_metric_2', got 'loss_mmod" in complaint(detector, path)


def test_a_size_beyond_the_file_is_refused_before_memory_is_taken(whole, tmp_path):
    first = whole.index(b"con_4") + len(b"con_4") + 2  # after the name and the tensor's version
    content = whole[:first] + HUGE * 4 + whole[first + 3 :]
    assert "too early" in complaint(content, tmp_path / "huge.dat")
    versions = whole.index(b"\x01\x02\x01\x02")
    deep = whole[:versions] + b"\x01\x02" * 1_000_000
    assert "more than 1000 layers" in complaint(deep, tmp_path / "deep.dat")


def test_weights_that_are_not_finite_are_refused(whole, tmp_path):
    weights = whole.index(b"con_4") + len(b"con_4") + 11
    content = whole[:weights] + b"\x00\x00\xc0\x7f" + whole[weights + 4 :]  # NaN
    assert "not finite" in complaint(content, tmp_path / "nan.dat")


def test_a_number_that_is_not_finite_is_refused(whole, tmp_path):
    number = whole.index(b"loss_metric_2") + len(b"loss_metric_2")
    content = whole[:number] + b"\x01\x01" + HUGE + whole[number + 6 :]  # 1, and its exponent
    assert "not finite" in complaint(content, tmp_path / "exponent.dat")


def test_another_network_of_the_same_layers_is_refused(whole, tmp_path):
    content = whole.replace(b"avg_pool_2\x01\x02\x01\x02", b"avg_pool_2\x01\x03\x01\x02", 1)
    assert "another network" in complaint(content, tmp_path / "pool.dat")


def test_damage_ends_in_one_line(whole, places, tmp_path):
    found = [complaint(damaged(whole, places, seed), tmp_path / "file") for seed in range(40)]
    assert sum(map(bool, found)) > 25  # a changed weight is no damage that shows


@pytest.mark.slow
def test_damage_ends_in_one_line_a_thousand_times(whole, places, tmp_path):
    for seed in range(1000, 2000):
        complaint(damaged(whole, places, seed), tmp_path / "file")
