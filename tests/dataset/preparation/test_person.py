"""Whatever a user has of one person is used, and all of it has its turn."""

import shutil
from collections import Counter

import numpy as np
import pytest

from dataset.detection.stored import StoredLandmarks
from dataset.frames import record_frames
from dataset.preparation import person
from tests.dataset.conftest import moving_scene, write_clip, write_photo
from tests.dataset.films import write_animation

SIZE = 32


@pytest.fixture
def load(monkeypatch):
    """Return how often each file was taken, and the frames themselves."""
    records = []
    make = person.make_record

    def noted(*arguments, **options):
        records.append(make(*arguments, **options))
        return records[-1]

    monkeypatch.setattr(person, "make_record", noted)

    def load(source, limit, seed=0):
        loaded = person.load_person(source, StoredLandmarks(), "auto", SIZE, limit, seed)
        assert loaded.frames.shape[1:] == (SIZE, SIZE, 3)
        return Counter(name for name, _ in records[-1].origins), loaded

    return load


def test_photos_and_a_film_are_used_together(tmp_path, load, capsys):
    for number in range(4):
        write_photo(tmp_path / f"IMG_{number}.png", seed=number)
    write_clip(tmp_path / "IMG_9.mp4")
    taken, loaded = load(tmp_path, 10)
    assert taken == {**{f"IMG_{number}.png": 1 for number in range(4)}, "IMG_9.mp4": 6}
    assert len(loaded.frames) == 10
    assert loaded.crop == "face"
    assert loaded.detector == "stored"
    assert "4 photos and 1 film are taken as one person's" in capsys.readouterr().err


@pytest.mark.parametrize("seed", range(3))
def test_the_first_pictures_show_all_of_it_so_that_no_photo_is_held_out(
    tmp_path, load, monkeypatch, seed
):
    for number in range(4):
        write_photo(tmp_path / f"{number}.png", seed=number)
    write_clip(tmp_path / "talk.mp4", frames=30)
    order = []

    def noted(record, chosen, size):
        order.extend(record.origins[picture][0] for picture in chosen)
        return record_frames(record, chosen, size)

    monkeypatch.setattr(person, "record_frames", noted)
    load(tmp_path, 20, seed)
    assert sorted(order[:5]) == ["0.png", "1.png", "2.png", "3.png", "talk.mp4"]
    assert set(order[5:]) == {"talk.mp4"}


def test_several_films_have_an_equal_share_however_long_they_are(tmp_path, load):
    for name, frames in (("a", 40), ("b", 12), ("c", 20)):
        write_clip(tmp_path / f"{name}.mp4", frames=frames)
    assert load(tmp_path, 9)[0] == {"a.mp4": 3, "b.mp4": 3, "c.mp4": 3}


def test_what_a_short_film_cannot_give_the_others_do(tmp_path, load):
    write_clip(tmp_path / "a.mp4", frames=20)
    write_clip(tmp_path / "b.mp4", frames=2)
    assert load(tmp_path, 9)[0] == {"a.mp4": 7, "b.mp4": 2}


def test_folders_below_belong_to_the_person_too(tmp_path, load):
    write_photo(tmp_path / "one.png")
    for name in ("holiday/two.png", "work/three.png"):
        (tmp_path / name).parent.mkdir()
        write_photo(tmp_path / name)
    write_clip(tmp_path / "work" / "talks" / "four.mp4")
    assert load(tmp_path, 4)[0] == dict.fromkeys(("one.png", "two.png", "three.png", "four.mp4"), 1)


@pytest.mark.parametrize("seed", range(4))
def test_a_photo_and_the_film_of_its_name_are_one_moment(tmp_path, load, seed):
    write_photo(tmp_path / "a.png", seed=1)
    write_photo(tmp_path / "IMG_2.png", seed=2)
    write_clip(tmp_path / "IMG_2.mp4", frames=1)  # the landmarks of both are of one frame
    write_photo(tmp_path / "c.png", seed=3)
    assert load(tmp_path, 3, seed)[0] == dict.fromkeys(("a.png", "IMG_2.png", "c.png"), 1)
    assert load(tmp_path, 9, seed)[0]["IMG_2.mp4"] == 1, "where more are wanted it is used"


def test_a_film_without_a_face_costs_no_picture(tmp_path, load):
    for number in range(3):
        write_photo(tmp_path / f"{number}.png", seed=number)
    write_clip(tmp_path / "empty.mp4", frames=6, missing=range(6))
    write_clip(tmp_path / "film.mp4", frames=10)
    assert load(tmp_path, 6)[0] == {"0.png": 1, "1.png": 1, "2.png": 1, "film.mp4": 3}


def test_a_photo_that_cannot_be_read_is_named_and_the_others_are_used(tmp_path, load, capsys):
    for number in range(3):
        write_photo(tmp_path / f"{number}.png", seed=number)
    data = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(data[: len(data) // 2])
    assert load(tmp_path, 5)[0] == {"0.png": 1, "2.png": 1}
    error = capsys.readouterr().err
    assert error.startswith("1.png is left out: ")
    assert error.count("\n") == 1


def test_photos_of_many_kinds_are_read(tmp_path, load):
    pictures, landmarks = moving_scene(1)
    for name in ("a.webp", "b.avif", "c.tif", "d.bmp", "e.gif"):
        write_animation(tmp_path / name, pictures)
        np.save((tmp_path / name).with_suffix(".landmarks.npy"), landmarks)
    taken, loaded = load(tmp_path, 9)
    assert sorted(taken) == ["a.webp", "b.avif", "c.tif", "d.bmp", "e.gif"]
    spread = np.ptp(loaded.frames.astype(int), axis=0)
    assert spread.mean() < 12, "they show the same"


def test_an_animated_gif_is_a_film_of_the_person(tmp_path, load):
    pictures, landmarks = moving_scene(6)
    write_animation(tmp_path / "a.gif", pictures)
    np.save(tmp_path / "a.landmarks.npy", landmarks)
    assert load(tmp_path / "a.gif", 4)[0] == {"a.gif": 4}


def test_what_cannot_be_read_is_said(tmp_path, load, capsys):
    write_photo(tmp_path / "a.png")
    (tmp_path / "b.psd").touch()
    (tmp_path / "c.txt").touch()
    load(tmp_path, 2)
    assert capsys.readouterr().err == (
        f"{tmp_path}: passed over: 1 .psd (pictures of another kind: save as JPEG or PNG)\n"
    )


def test_one_film_is_read_alike_alone_or_in_its_folder(tmp_path, load):
    write_clip(tmp_path / "a" / "talk.mp4")
    for suffix in (".mp4", ".landmarks.npy"):
        shutil.copy(tmp_path / "a" / f"talk{suffix}", tmp_path)
    (_, alone), (_, folder) = load(tmp_path / "talk.mp4", 4), load(tmp_path / "a", 4)
    assert (alone.frames == folder.frames).all()
