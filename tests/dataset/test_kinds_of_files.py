"""One list says what is read, and what cannot be read is named by its kind, with the remedy."""

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset.kinds_of_files import (
    MOVING_SUFFIXES,
    PHOTO_FORMATS,
    PHOTO_SUFFIXES,
    UNREAD,
    VIDEO_SUFFIXES,
    is_film,
    is_photo,
    natural_order,
    passed_over,
)
from dataset.video.reading import probe, read_frames
from tests.dataset.films import CONTAINERS, write_animation, write_film

GREYS = [np.full((32, 48, 3), level, np.uint8) for level in (40, 120, 220)]


def names(*names):
    return [Path(name) for name in names]


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_every_kind_of_film_on_the_list_is_played(tmp_path, suffix):
    path = tmp_path / f"clip{suffix.upper()}"
    write_film(path)
    assert is_film(path)
    assert not is_photo(path)
    assert probe(path).frames == 5
    assert [index for index, _ in read_frames(path, [0, 3])] == [0, 3]


def test_every_kind_of_photo_on_the_list_is_one_of_pillows():
    pytest.importorskip("pillow_heif").register_heif_opener()
    known = Image.registered_extensions()
    for kind, suffixes in PHOTO_FORMATS.items():
        assert kind in Image.OPEN
        for suffix in suffixes:
            assert known.get(suffix, "JPEG") in (kind, "PNG", "MPO"), suffix
            assert is_photo(Path(f"a{suffix.upper()}"))


def test_no_kind_is_on_two_lists():
    unread = [suffix for suffixes in UNREAD.values() for suffix in suffixes]
    every = [*PHOTO_SUFFIXES, *VIDEO_SUFFIXES, *unread]
    assert len(every) == len(set(every))
    assert set(MOVING_SUFFIXES) <= set(PHOTO_SUFFIXES)
    assert set(CONTAINERS) == set(VIDEO_SUFFIXES)


@pytest.mark.parametrize("suffix", MOVING_SUFFIXES)
def test_several_pictures_in_a_file_are_a_film_and_one_is_a_photo(tmp_path, suffix):
    one, several = tmp_path / f"one{suffix}", tmp_path / f"several{suffix}"
    write_animation(one, GREYS[:1])
    write_animation(several, GREYS)
    assert (is_photo(one), is_film(one)) == (True, False)
    assert (is_photo(several), is_film(several)) == (False, True)
    assert probe(several).frames == 3


def test_an_animated_webp_is_a_photo_and_its_motion_is_said_to_be_lost(tmp_path):
    write_animation(tmp_path / "a.webp", GREYS)
    write_animation(tmp_path / "still.webp", GREYS[:1])
    assert is_photo(tmp_path / "a.webp")
    assert passed_over(tmp_path.iterdir()).startswith("1 .webp (animated")


def test_what_is_damaged_or_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.gif")
    (tmp_path / "damaged.gif").write_bytes(b"GIF89a" + bytes(5))
    (tmp_path / "empty.avif").touch()
    for path in (*tmp_path.iterdir(), tmp_path / "gone.gif"):
        assert is_photo(path)
        assert not is_film(path)


def test_what_is_not_read_is_counted_by_kind_with_the_remedy():
    line = passed_over(names("a.CR2", "b.cr2", "c.nef", "d.psd", "e.zip", "f.jpg", "g.mp4"))
    assert line == (
        "1 .nef, 2 .cr2 (camera raw: develop to JPEG or PNG), "
        "1 .psd (pictures of another kind: save as JPEG or PNG), 1 .zip (archives: unpack)"
    )


def test_texts_and_sidecars_are_passed_over_silently():
    assert passed_over(names("a.txt", "a.landmarks.npy", "IMG_1.AAE", "a.json", "Makefile")) == ""


def test_without_pillow_heif_its_photos_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert not is_photo(Path("IMG_1.HEIC"))
    line = passed_over(names("IMG_1.HEIC", "IMG_2.heic", "a.jpg"))
    assert line == "2 .heic (pip install pillow-heif)"


def test_numbers_in_names_are_sorted_as_numbers():
    wanted = names(
        "a/frame1.png", "a/frame02.png", "a/frame2.png", "a/frame10.png", "a/framed.png",
        "a2/x.png", "a10/x.png", "b/1-2.png", "b/1-10.png", "b/x.png",
    )  # fmt: skip
    mixed = random.Random(0).sample(wanted, len(wanted))
    assert sorted(mixed, key=natural_order) == wanted
