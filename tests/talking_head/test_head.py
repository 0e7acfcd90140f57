"""A person's head as programs make, teach, draw and keep it."""

import numpy as np
import pytest
from PIL import Image

from dataset.detection.stored import LANDMARKS_SUFFIX
from dataset.images import read_image, write_image
from dataset.video.reading import probe, stream_frames
from drawn_heads.motion import Pose
from drawn_heads.people import draw_person
from drawn_heads.render import render
from drawn_heads.scenes import draw_scene
from talking_head import TalkingHead
from talking_head.pictures import on_disk
from tests.conftest import FRAMES

SIZE = 64
HERE = {"device": "cpu", "precision": "float32"}


def photo(person: int, yaw: float = 0.0) -> np.ndarray:
    return render(draw_person(person), draw_scene(person), Pose(yaw=yaw), 160)[0]


@pytest.fixture(scope="module")
def clip(heads):
    return sorted(heads.rglob("*.mp4"))[0]


@pytest.fixture(scope="module")
def points(clip):
    return np.load(clip.with_suffix(LANDMARKS_SUFFIX))


@pytest.fixture
def head(trained, data):
    source = sorted(data.rglob("*.pkl"))[0]
    return TalkingHead.from_pictures(trained, source, shots=2, aside=1, **HERE)


def test_paths_arrays_and_images_of_pillow_give_the_same_head(trained, points, tmp_path):
    frames = [photo(3), photo(3, yaw=25)]
    paths = []
    for number, frame in enumerate(frames):
        paths.append(str(tmp_path / f"{number}.png"))
        write_image(paths[-1], frame)
    kinds = {
        "paths": paths,
        "arrays": frames,
        "images": [Image.fromarray(frame) for frame in frames],
        "mixed": [paths[0], frames[1]],
    }
    drawn = {
        kind: TalkingHead.from_pictures(trained, pictures, **HERE).draw(points[:1])
        for kind, pictures in kinds.items()
    }
    assert drawn["paths"].std() > 5
    for kind, frame in drawn.items():
        assert (frame == drawn["paths"]).all(), kind


def test_a_picture_of_pillow_is_turned_as_its_exif_data_say():
    wide = Image.fromarray(photo(3)[:80])
    exif = wide.getexif()
    exif[274] = 6  # turned by a quarter
    with on_disk(wide) as (path,):
        assert read_image(path).shape == (160, 80, 3)


def test_landmarks_are_drawn_one_at_a_time_or_many(head, points):
    many = head.draw(points[:3])
    assert many.shape == (3, SIZE, SIZE, 3) and many.dtype == np.uint8
    one = head.draw(points[1])
    assert one.shape == (SIZE, SIZE, 3)
    assert np.abs(one.astype(int) - many[1]).max() <= 1
    with pytest.raises(ValueError, match="68"):
        head.draw(points[0, :5])


def test_fine_tuning_tells_its_steps_and_what_it_has_brought(head, points):
    before, told = head.draw(points[0]), []
    learnt = head.finetune(steps=3, progress=lambda *now: told.append(now))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert (learnt.steps, learnt.pictures, learnt.aside) == (3, 2, 1)
    assert learnt.before.keys() == learnt.after.keys() == {"l1"}
    assert (head.draw(points[0]) != before).any()


def test_fine_tuning_begins_anew_each_time_and_ends_when_it_is_told_to(head, points):
    head.finetune(steps=2)
    first = head.draw(points[0])
    head.finetune(steps=2)
    assert (head.draw(points[0]) == first).all()
    told = []
    learnt = head.finetune(steps=9, progress=lambda step, steps: told.append(step) or step == 2)
    assert learnt.steps == 2
    assert told == [1, 2]


def test_fine_tuning_with_other_pictures_is_as_if_the_head_were_made_from_them(
    head, trained, data, points
):
    one, two = sorted(data.rglob("*.pkl"))[:2]
    learnt = head.finetune(two, steps=2)
    other = TalkingHead.from_pictures(trained, two, shots=2, aside=1, **HERE)
    assert learnt == other.finetune(steps=2)
    assert (head.draw(points[0]) == other.draw(points[0])).all()
    first = TalkingHead.from_pictures(trained, one, shots=2, aside=1, **HERE)
    first.finetune(steps=2)
    assert (head.draw(points[0]) != first.draw(points[0])).any()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        head.finetune("nowhere.jpg", steps=1)


def test_fine_tuning_that_fails_leaves_the_head_what_it_was_made_from(
    head, data, points, monkeypatch
):
    before = head.draw(points[0])
    with monkeypatch.context() as patch:
        patch.setattr("talking_head.head.finetune", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            head.finetune(sorted(data.rglob("*.pkl"))[1], steps=2)
    assert (head.draw(points[0]) == before).all()
    head.finetune(steps=1)
    first = head.draw(points[0])
    head.finetune(sorted(data.rglob("*.pkl"))[0], steps=1)
    assert (head.draw(points[0]) == first).all()


def test_a_head_is_kept_and_draws_the_same_but_learns_no_more(head, points, tmp_path):
    head.finetune(steps=1)
    head.save(tmp_path / "new" / "me.pt")
    kept = TalkingHead.load(tmp_path / "new" / "me.pt", **HERE)
    assert np.abs(kept.draw(points[:2]).astype(int) - head.draw(points[:2])).max() <= 1
    with pytest.raises(ValueError, match="a head that was loaded cannot learn"):
        kept.finetune(steps=1)


@pytest.mark.parametrize("motion", ["absolute", "relative", "retargeted"])
def test_an_animation_has_the_drivers_frames_and_is_saved(head, clip, tmp_path, motion):
    animation = head.animate(clip, motion=motion, smooth=0.5, detector="stored")
    frames = list(animation)
    assert len(frames) == animation.length == FRAMES
    assert animation.fps == pytest.approx(probe(clip).fps)
    animation.save(tmp_path / "me.mp4")
    saved = list(stream_frames(tmp_path / "me.mp4"))
    assert len(saved) == FRAMES
    assert np.abs(saved[3].astype(int) - frames[3]).mean() < 12


def test_careless_pictures_are_named_in_one_line(trained, tmp_path):
    write_image(tmp_path / "me.png", photo(3))
    write_image(tmp_path / "wall.png", np.full((160, 160, 3), 90, np.uint8))

    def made_of(pictures):
        return TalkingHead.from_pictures(trained, pictures, **HERE)

    with pytest.raises(FileNotFoundError, match=r"gone\.png does not exist$"):
        made_of([tmp_path / "me.png", tmp_path / "gone.png"])
    with pytest.raises(ValueError, match=r"picture 2 must be .* got \(160, 160, 3\) of float64$"):
        made_of([photo(3), photo(3) / 255])
    with pytest.raises(ValueError, match=r"picture 1 must be .* got \(160, 160\) of uint8$"):
        made_of(photo(3)[..., 0])
    with pytest.raises(TypeError, match=r"picture 1 must be a path, .* got bytes$"):
        made_of([b"me.png"])
    with pytest.raises(ValueError, match="the list is empty"):
        made_of([])
    with pytest.raises(ValueError, match=r"wall.*no face"):
        made_of(tmp_path / "wall.png")


def test_of_many_pictures_the_one_without_a_face_is_named(trained, capsys):
    blank = np.full((160, 160, 3), 90, np.uint8)
    TalkingHead.from_pictures(trained, [photo(3), blank], **HERE)
    assert "picture 2.png is left out: no face" in capsys.readouterr().err


def test_careless_motions_are_named(head, clip):
    with pytest.raises(ValueError, match="--motion must be one of absolute, relative, retargeted"):
        head.animate(clip, motion="dancing", detector="stored")
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4 does not exist"):
        head.animate("gone.mp4")
    with pytest.raises(ValueError, match="strength of smoothing"):
        list(head.animate(clip, smooth=3, detector="stored"))
