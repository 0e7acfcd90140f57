"""Pictures survive reading, writing and the way through tensors (P18, P22)."""

import struct

import cv2
import numpy as np
import pytest
import torch

from dataset.images import (
    decode_jpeg,
    encode_jpeg,
    frame_to_image,
    image_to_frame,
    normalize,
    read_image,
    resize,
    write_image,
)


def marked(height=40, width=64):
    """Return a grey frame with a red mark in the top right corner."""
    frame = np.full((height, width, 3), 100, np.uint8)
    frame[:8, -16:] = (250, 20, 30)
    return frame


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_p18_a_marked_corner_survives_load_network_range_and_save(tmp_path, suffix):
    write_image(tmp_path / f"in{suffix}", marked())
    image = normalize(frame_to_image(read_image(tmp_path / f"in{suffix}")))
    assert image.shape == (3, 40, 64)
    assert image[0, 2, -3] > 0.8 > -0.6 > image[1, 2, -3]
    write_image(tmp_path / f"out{suffix}", image_to_frame(image))
    again = read_image(tmp_path / f"out{suffix}").astype(int)
    tolerance = 0 if suffix == ".png" else 25
    assert abs(again[2, -3] - [250, 20, 30]).max() <= tolerance
    assert abs(again[-3, 2] - 100).max() <= tolerance


def test_all_256_values_come_back_through_floats():
    frame = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    assert np.array_equal(image_to_frame(normalize(frame_to_image(frame))), frame)


def test_p22_normalised_images_span_minus_one_to_one():
    image = normalize(torch.tensor([0, 255], dtype=torch.uint8))
    assert image.tolist() == [-1.0, 1.0]
    assert image.dtype == torch.float32


def test_p22_normalising_twice_is_refused():
    with pytest.raises(TypeError, match="uint8"):
        normalize(torch.zeros(3, 2, 2))


def test_floats_beyond_the_range_are_cut_and_not_wrapped():
    frame = image_to_frame(torch.tensor([-1.2, 1.3, 0.0]).view(3, 1, 1))
    assert frame[0, 0].tolist() == [0, 255, 128]


def test_batches_of_frames_become_batches_of_images():
    frames = np.random.default_rng(0).integers(0, 256, (2, 5, 8, 6, 3), dtype=np.uint8)
    image = frame_to_image(frames)
    assert image.shape == (2, 5, 3, 8, 6)
    assert np.array_equal(image_to_frame(image), frames)


def test_jpeg_keeps_colours_in_rgb_order():
    again = decode_jpeg(encode_jpeg(marked(), 95)).astype(int)
    assert abs(again - marked()).mean() < 3
    assert again[2, -3, 0] > 200 > 90 > again[2, -3, 2]


def test_resizing_keeps_a_frame_of_that_size_as_it_is():
    frame = marked(64, 64)
    assert np.array_equal(resize(frame, 64), frame)


def test_shrinking_averages_areas():
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[::2] = 200
    assert np.unique(resize(frame, 32)).tolist() == [100]


def test_growing_is_smooth():
    frame = np.zeros((4, 4, 3), np.uint8)
    frame[:, 2:] = 200
    assert len(np.unique(resize(frame, 32))) > 8


def test_exif_rotation_is_applied(tmp_path):
    jpeg = encode_jpeg(marked(), 95)
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # orientation 6: turn right by a quarter
    tiff = b"II*\x00" + struct.pack("<IH", 8, 1) + entry + b"\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    path = tmp_path / "phone.jpg"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    turned = read_image(path).astype(int)
    assert turned.shape == (64, 40, 3)
    assert abs(turned[-3, -3] - [250, 20, 30]).max() < 25


@pytest.mark.parametrize("content", [b"", b"this is text", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused_by_name(tmp_path, content):
    (tmp_path / "text.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"text\.jpg"):
        read_image(tmp_path / "text.jpg")


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        read_image(tmp_path / "gone.png")


def test_names_outside_ascii_are_read_and_written(tmp_path):
    write_image(tmp_path / "頭" / "größe.png", marked())
    assert np.array_equal(read_image(tmp_path / "頭" / "größe.png"), marked())


def test_grey_pictures_are_read_as_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((5, 6), 70, np.uint8))
    assert np.array_equal(read_image(tmp_path / "grey.png"), np.full((5, 6, 3), 70))


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.png or \.jpg"):
        write_image(tmp_path / "picture.gif", marked())


def test_a_failed_write_leaves_the_old_picture_and_nothing_else(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", marked())
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        write_image(tmp_path / "a.png", marked() // 2)
    assert np.array_equal(read_image(tmp_path / "a.png"), marked())
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
