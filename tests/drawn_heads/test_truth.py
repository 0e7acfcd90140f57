"""The true answers of drawn heads, and what a set of them says of itself."""

import dataclasses
import json

import numpy as np
import pytest

from dataset.video.reading import stream_frames
from drawn_heads.people import Person, draw_person
from drawn_heads.render import render
from drawn_heads.set import VERSION, DrawnSet, draw_video
from drawn_heads.truth import SHAPE, reenactment_truth, with_face_of
from drawn_heads.videos import video_path, write_heads

SET = DrawnSet(seed=4, fps=5.0, size=64)


def test_driven_by_itself_a_video_is_what_it_is():
    for frame in (0, 3):
        person, scene, motion = draw_video(SET.seed, 12, 1, 6, SET.fps)
        pixels, points = render(person, scene, motion[frame], SET.size)
        answer = reenactment_truth(SET, "id00012/video001", "id00012/video001", frame)
        assert np.array_equal(answer.frame, pixels)
        assert np.array_equal(answer.landmarks, points)


def test_the_truth_of_a_written_video_is_its_frames(tmp_path):
    write_heads(
        tmp_path, 1, frames=4, size=64, seed=9, first_person=3, fps=2.0, workers=1, progress=False
    )
    drawn = DrawnSet.read(tmp_path)
    assert drawn == DrawnSet(9, 2.0, 64)
    path = video_path(tmp_path, 3, 0)
    landmarks = np.load(path.with_suffix(".landmarks.npy"))
    for number, frame in enumerate(stream_frames(path)):
        answer = reenactment_truth(drawn, "id00003/video000", "id00003/video000", number)
        assert np.abs(answer.frame.astype(int) - frame).mean() < 9
        assert np.array_equal(answer.landmarks, landmarks[number])
        others = [
            reenactment_truth(drawn, "id00003/video000", "id00003/video000", other).landmarks
            for other in range(4)
            if other != number
        ]
        assert all(np.abs(points - landmarks[number]).max() > 0.5 for points in others)


def test_the_source_keeps_face_and_scene_and_takes_the_motion():
    person, scene, _ = draw_video(SET.seed, 1, 0, 1, SET.fps)
    _, _, motion = draw_video(SET.seed, 2, 3, 8, SET.fps)
    expected = render(person, scene, motion[7], SET.size)
    answer = reenactment_truth(SET, "id00001/video000", "id00002/video003", 7)
    assert np.array_equal(answer.frame, expected[0])
    assert np.array_equal(answer.landmarks, expected[1])


def test_with_the_drivers_face_the_landmarks_are_the_drivers():
    ids = "id00001/video000", "id00002/video000"
    leaked = reenactment_truth(SET, *ids, 2, face_of_driver=True)
    driver = reenactment_truth(SET, ids[1], ids[1], 2)
    truth = reenactment_truth(SET, *ids, 2)
    assert np.allclose(leaked.landmarks, driver.landmarks, atol=1e-4)
    assert np.abs(leaked.landmarks - truth.landmarks).max() > 0.3
    assert np.abs(leaked.frame.astype(int) - driver.frame).mean() > 3, "another one's colours"
    changed = (leaked.frame != truth.frame).any(-1).mean()
    assert 0.01 < changed < 0.8


def test_the_shape_of_a_face_is_all_that_is_taken_over():
    fields = {field.name for field in dataclasses.fields(Person)}
    assert len(set(SHAPE)) == len(SHAPE)
    assert set(SHAPE) < fields
    one, other = draw_person(1), draw_person(2)
    mixed = with_face_of(one, other)
    for name in fields:
        assert getattr(mixed, name) == getattr(other if name in SHAPE else one, name), name
    assert all(getattr(one, name) != getattr(other, name) for name in SHAPE)
    assert with_face_of(one, one) == one


def test_the_shape_is_what_shapes_the_face_and_nothing_else():
    _, scene, motion = draw_video(SET.seed, 1, 0, 3, SET.fps)
    one, other = draw_person(1), draw_person(2)
    before = render(one, scene, motion[2], 16)[1]
    for field in dataclasses.fields(Person):
        changed = dataclasses.replace(one, **{field.name: getattr(other, field.name)})
        moved = not np.array_equal(render(changed, scene, motion[2], 16)[1], before)
        assert moved == (field.name in SHAPE), field.name


@pytest.mark.parametrize(
    "wrong", ["id1", "id1/video1/00001", "person/video000", "id00001/clip", "", "id1/video1\n"]
)
def test_an_id_that_no_drawn_head_has_is_refused(wrong):
    right = "id00001/video000"
    for ids in ((wrong, right), (right, wrong)):
        with pytest.raises(ValueError, match="is not a drawn head: its id must be like"):
            reenactment_truth(SET, *ids, 0)


def test_a_set_says_how_it_was_drawn(tmp_path):
    SET.write(tmp_path / "new")
    assert DrawnSet.read(tmp_path / "new") == SET
    before = (tmp_path / "new" / "heads.json").read_bytes()
    SET.write(tmp_path / "new")
    assert (tmp_path / "new" / "heads.json").read_bytes() == before
    assert json.loads(before) == {"seed": 4, "fps": 5.0, "size": 64, "version": VERSION}


@pytest.mark.parametrize("version", [None, VERSION - 1, VERSION + 1])
def test_a_set_of_another_version_is_neither_continued_nor_believed(tmp_path, version):
    note = {"seed": 4, "fps": 5.0, "size": 64}
    text = json.dumps(note if version is None else {**note, "version": version})
    (tmp_path / "heads.json").write_text(text)
    for act in (DrawnSet.read, SET.write):
        with pytest.raises(ValueError, match=f"version must be {VERSION}.*got {version or 1}") as e:
            act(tmp_path)
        assert "\n" not in str(e.value)
    assert (tmp_path / "heads.json").read_text() == text


@pytest.mark.parametrize(("name", "value"), [("seed", 5), ("fps", 25.0), ("size", 128)])
def test_a_folder_of_heads_drawn_otherwise_is_left_alone(tmp_path, name, value):
    SET.write(tmp_path)
    with pytest.raises(ValueError, match=f"{name} must be {getattr(SET, name)}.*got {value}"):
        SET._replace(**{name: value}).write(tmp_path)
    assert DrawnSet.read(tmp_path) == SET
    options = {"seed": 4, "fps": 5.0, "size": 64, name: value}
    with pytest.raises(ValueError, match=f"{name} must be"):
        write_heads(tmp_path, 1, frames=1, workers=1, progress=False, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["heads.json"]


def test_a_set_may_grow_by_people_and_videos(tmp_path):
    options = {"frames": 1, "size": 16, "workers": 1, "progress": False}
    write_heads(tmp_path, 1, **options)
    write_heads(tmp_path, 1, 2, first_person=7, **options)
    assert len(list(tmp_path.rglob("*.mp4"))) == 3
    assert DrawnSet.read(tmp_path) == DrawnSet(0, 25.0, 16)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"seed": 1, "fps": 25}', '{"seed": "x", "fps": 1, "size": 1}']
)
def test_a_damaged_note_is_named(tmp_path, text):
    (tmp_path / "heads.json").write_text(text)
    with pytest.raises(ValueError, match=r"heads.json is damaged: .*seed, fps and size"):
        DrawnSet.read(tmp_path)


def test_a_folder_without_the_note_was_not_drawn_by_us(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no heads.json: it was not drawn"):
        DrawnSet.read(tmp_path)
