"""Sources are found in each of their layouts, in the same order on every machine."""

import os

import pytest

from dataset.preparation.sources import find_videos


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
