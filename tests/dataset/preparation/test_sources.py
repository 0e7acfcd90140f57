"""Sources are found in each of their layouts, in the same order on every machine."""

import os

import numpy as np
import pytest

from dataset.preparation.sources import find_videos
from tests.dataset.films import write_animation


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def summary(source):
    return [(v.id, v.kind, [path.name for path in v.segments]) for v in find_videos(source)]


def test_a_voxceleb_tree_gives_one_entry_per_video_with_all_its_segments(tmp_path):
    touch(tmp_path, "id2/x/00001.mp4", "id1/b/00002.mp4", "id1/b/00001.mp4", "id1/a/00010.mp4")
    assert summary(tmp_path) == [
        ("id1/a", "voxceleb", ["00010.mp4"]),
        ("id1/b", "voxceleb", ["00001.mp4", "00002.mp4"]),
        ("id2/x", "voxceleb", ["00001.mp4"]),
    ]


def test_voxcelebs_own_folders_above_the_people_are_part_of_the_id(tmp_path):
    touch(tmp_path, "dev/mp4/id1/a/00001.mp4", "test/mp4/id1/a/00001.mp4")
    assert [video.id for video in find_videos(tmp_path)] == ["dev/mp4/id1/a", "test/mp4/id1/a"]


def test_a_flat_folder_gives_one_entry_per_file(tmp_path):
    touch(tmp_path, "b.mp4", "a.MOV", "c.webm", "notes.txt", "person/d.mkv")
    assert summary(tmp_path) == [
        ("a", "video", ["a.MOV"]),
        ("b", "video", ["b.mp4"]),
        ("c", "video", ["c.webm"]),
        ("person/d", "video", ["d.mkv"]),
    ]


def test_files_that_differ_in_their_suffix_alone_keep_ids_apart(tmp_path):
    touch(tmp_path, "a.mp4", "a.avi", "b.mpg")
    assert [video.id for video in find_videos(tmp_path)] == ["a.avi", "a.mp4", "b"]


def test_folders_of_photos_give_one_entry_per_person(tmp_path):
    touch(tmp_path, "ann/2.jpg", "ann/1.png", "bob/x.jpeg")
    assert summary(tmp_path) == [
        ("ann", "photos", ["1.png", "2.jpg"]),
        ("bob", "photos", ["x.jpeg"]),
    ]


def test_a_flat_folder_of_photos_is_one_person_named_after_it(tmp_path, monkeypatch):
    touch(tmp_path / "me", "1.jpg", "2.jpg")
    assert summary(tmp_path / "me") == [("me", "photos", ["1.jpg", "2.jpg"])]
    monkeypatch.chdir(tmp_path / "me")
    assert find_videos(".")[0].id == "me"


def test_thumbnails_beside_videos_are_not_a_person(tmp_path):
    touch(tmp_path, "a.mp4", "a.jpg")
    assert [video.kind for video in find_videos(tmp_path)] == ["video"]


@pytest.mark.parametrize(("name", "kind"), [("clip.mp4", "video"), ("me.JPG", "photos")])
def test_a_single_file_is_one_entry(tmp_path, name, kind):
    touch(tmp_path, name)
    assert summary(tmp_path / name) == [(name.split(".")[0], kind, [name])]


def test_hidden_files_are_passed_over_and_what_is_no_file_is_listed_to_be_refused(tmp_path):
    touch(tmp_path, "a.mp4", "._a.mp4", ".partial-1.mp4", ".cache/b.mp4")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "broken.mp4").symlink_to(tmp_path / "gone.mp4")
    assert [video.id for video in find_videos(tmp_path)] == ["a", "broken", "folder", "pipe"]


def test_loops_of_links_end_and_linked_folders_are_visited_once(tmp_path):
    touch(tmp_path, "tree/id1/a/00001.mp4", "elsewhere/b/00001.mp4")
    (tmp_path / "tree/id1/a/loop").symlink_to(tmp_path / "tree")
    (tmp_path / "tree/id1/again").symlink_to(tmp_path / "tree/id1/a")
    (tmp_path / "tree/id2").symlink_to(tmp_path / "elsewhere")
    assert [video.id for video in find_videos(tmp_path / "tree")] == ["id1/a", "id2/b"]


@pytest.mark.parametrize("suffix", ["m4v", "MPEG", "ts", "MTS", "3gp", "wmv", "flv", "ogv"])
def test_films_of_every_kind_are_found(tmp_path, suffix):
    touch(tmp_path, f"a.{suffix}", f"id1/v/1.{suffix}")
    assert [(video.id, video.kind) for video in find_videos(tmp_path)] == [
        ("a", "video"),
        ("id1/v", "voxceleb"),
    ]


@pytest.mark.parametrize("suffix", ["webp", "avif", "bmp", "tif", "TIFF", "gif", "jfif", "jp2"])
def test_photos_of_every_kind_are_found(tmp_path, suffix):
    touch(tmp_path, f"ann/1.{suffix}", "ann/2.jpg")
    assert summary(tmp_path) == [("ann", "photos", [f"1.{suffix}", "2.jpg"])]


def test_a_gif_is_a_film_if_it_moves_and_a_photo_if_not(tmp_path):
    greys = [np.full((8, 8, 3), level, np.uint8) for level in (0, 90, 200)]
    write_animation(tmp_path / "films" / "a.gif", greys)
    write_animation(tmp_path / "photos" / "b.gif", greys[:1])
    assert summary(tmp_path) == [
        ("films/a", "video", ["a.gif"]),
        ("photos", "photos", ["b.gif"]),
    ]


def test_files_of_a_record_are_in_natural_order(tmp_path):
    touch(tmp_path, *(f"ann/{n}.jpg" for n in (1, 2, 10)), *(f"id1/v/{n}.mp4" for n in (3, 20, 1)))
    assert summary(tmp_path) == [
        ("ann", "photos", ["1.jpg", "2.jpg", "10.jpg"]),
        ("id1/v", "voxceleb", ["1.mp4", "3.mp4", "20.mp4"]),
    ]


def test_photos_beside_films_are_a_record_of_their_own(tmp_path, capsys):
    touch(tmp_path, "ann/1.jpg", "ann/2.webp", "ann/talk.mp4", "ann/talk.jpg")
    assert summary(tmp_path) == [
        ("ann", "photos", ["1.jpg", "2.webp"]),
        ("ann/talk", "video", ["talk.mp4"]),
    ]
    assert "passed over: 1 photo (of the name of a film" in capsys.readouterr().err


def test_a_single_photo_beside_films_is_a_cover_and_this_is_said(tmp_path, capsys):
    touch(tmp_path, "id1/v/1.mp4", "id1/v/cover.jpg", "id1/w/1.mp4", "id1/w/1.png")
    assert [video.id for video in find_videos(tmp_path)] == ["id1/v", "id1/w"]
    assert capsys.readouterr().err.count("passed over: 2 photos") == 1


def test_records_of_the_first_version_keep_their_ids_when_other_kinds_join_them(tmp_path):
    touch(tmp_path, "a.mp4", "a.m4v", "b.mov", "c.ts", "c.wmv")
    touch(tmp_path, "people/ann/1.jpg", "people/ann/2.jpg", "people/ann/talk.m4v")
    touch(tmp_path, "id1/v/1.mp4", "id1/v/x.jpg", "id1/v/y.jpg")
    assert {video.id: video.segments[0].name for video in find_videos(tmp_path)} == {
        "a": "a.mp4",
        "a.m4v": "a.m4v",
        "b": "b.mov",
        "c.ts": "c.ts",
        "c.wmv": "c.wmv",
        "people/ann": "1.jpg",
        "people/ann/films": "talk.m4v",
        "id1/v": "1.mp4",
        "id1/v/photos": "x.jpg",
    }


def test_no_two_records_have_one_id(tmp_path):
    me = tmp_path / "me"
    touch(me, "1.jpg", "2.jpg", "me/1.jpg", "me/photos/1.jpg", "me.mp4", "ann.mp4", "ann/1.jpg")
    touch(me, "a/b.mp4", "a/b/1.jpg", "a/b.m4v")
    found = find_videos(me)
    assert len({video.id for video in found}) == len(found) == 9
    assert sum(len(video.segments) for video in found) == 10
    assert [video.id for video in found] == sorted(video.id for video in found)


def test_what_cannot_be_read_is_counted_by_kind_in_one_line(tmp_path, capsys):
    touch(tmp_path, "ann/1.jpg", "ann/2.CR2", "ann/3.psd", "bob/4.cr2", "bob/5.mp4", "all.zip")
    touch(tmp_path, "ann/1.txt", ".hidden.psd", "bob/5.landmarks.npy")
    find_videos(tmp_path)
    assert capsys.readouterr().err == (
        f"{tmp_path}: passed over: 1 .zip (archives: unpack), "
        "2 .cr2 (camera raw: develop to JPEG or PNG), "
        "1 .psd (pictures of another kind: save as JPEG or PNG)\n"
    )


def test_where_all_can_be_read_nothing_is_said(tmp_path, capsys):
    touch(tmp_path, "ann/1.jpg", "ann/1.txt", "bob/5.mp4", ".hidden.psd")
    find_videos(tmp_path)
    assert capsys.readouterr().err == ""


def test_a_source_of_nothing_that_can_be_read_is_named_with_the_remedy(tmp_path):
    touch(tmp_path, "1.zip", "2.zip")
    with pytest.raises(ValueError, match=r"holds no videos .* but 2 \.zip \(archives: unpack\)"):
        find_videos(tmp_path)
    with pytest.raises(ValueError, match=r"1\.zip is neither .* can be read: archives: unpack"):
        find_videos(tmp_path / "1.zip")


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        find_videos(tmp_path / "nowhere")


def test_an_empty_source_is_named_with_what_is_looked_for(tmp_path):
    touch(tmp_path, "readme.txt")
    with pytest.raises(ValueError, match=r"holds no videos \(\.mp4.*no photos \(\.jpg"):
        find_videos(tmp_path)


def test_a_file_of_another_type_is_refused(tmp_path):
    touch(tmp_path, "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt is neither a video .* nor a photo"):
        find_videos(tmp_path / "model.pt")
