"""A visitor's desk without a browser: limits, stopping, what is left."""

import pytest

from dataset.images import write_image
from dataset.video.writing import VideoWriter
from drawn_heads.motion import Pose
from drawn_heads.people import draw_person
from drawn_heads.render import render
from drawn_heads.scenes import draw_scene
from page.desk import MOST_PICTURES, Computing, Desk, Limits, Stopped, shares
from tests.page.browsing import MODEL


@pytest.fixture
def photo(tmp_path):
    frame = render(draw_person(3), draw_scene(3), Pose(), 128)[0]
    write_image(tmp_path / "photo.png", frame)
    return tmp_path / "photo.png"


@pytest.fixture
def film(photo, tmp_path):
    frame = render(draw_person(3), draw_scene(3), Pose(yaw=10), 128)[0]
    with VideoWriter(tmp_path / "film.mp4", 10) as writer:
        writer.write(frame, 20)
    return tmp_path / "film.mp4"


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "desks").mkdir()
    computing = Computing(device="cpu", precision="float32")
    return Desk(tmp_path / "desks", computing, Limits(seconds=3, steps=20))


def made(desk, photo):
    desk.make(MODEL, [photo], "largest", 0, lambda step, total: None)
    return desk


def animate(desk, film, **changed):
    words = {"motion": "absolute", "smooth": 0.0, "paste": "", "picture": None}
    return desk.animate(film, **words | changed, progress=lambda done, total: None)


def test_more_than_the_limits_allow_is_refused(desk, photo, film):
    with pytest.raises(ValueError, match="at most 20 steps"):
        desk.make(MODEL, [photo], "largest", 21, lambda step, total: None)
    many = [photo] * (MOST_PICTURES + 1)
    with pytest.raises(ValueError, match=f"at most {MOST_PICTURES} files"):
        desk.look(many, 64, "largest")
    with pytest.raises(ValueError, match=f"at most {MOST_PICTURES} files"):
        desk.make(MODEL, many, "largest", 0, lambda step, total: None)
    desk.limits = desk.limits._replace(seconds=1)
    with pytest.raises(ValueError, match="2 seconds long, at most 1"):
        animate(made(desk, photo), film)


def test_a_film_that_is_stopped_leaves_nothing_half_written(desk, photo, film):
    made(desk, photo)
    before = sorted(desk.folder.iterdir())
    with pytest.raises(Stopped):
        desk.animate(
            film, "absolute", 0.0, "", None,
            progress=lambda done, total: desk.stop() if done == 10 else None,
        )  # fmt: skip
    assert sorted(desk.folder.iterdir()) == before
    desk.ready()
    assert animate(desk, film)[0].is_file()


def test_what_is_stopped_before_it_begins_does_not_begin(desk, photo):
    desk.stop()
    with pytest.raises(Stopped):
        made(desk, photo)
    assert desk.head is None


def test_without_a_head_a_film_or_a_photo_it_is_said_what_is_missing(desk, photo, film):
    with pytest.raises(ValueError, match="no pictures yet"):
        desk.make(MODEL, [], "largest", 0, lambda step, total: None)
    for job in (lambda: animate(desk, film), desk.keep, desk.portraits):
        with pytest.raises(ValueError, match="no head yet"):
            job()
    made(desk, photo)
    with pytest.raises(ValueError, match="no film yet"):
        animate(desk, None)
    with pytest.raises(ValueError, match="a photo of the person is needed"):
        animate(desk, film, paste="picture")


def test_nothing_is_left_of_a_desk_that_is_cleared(desk, photo, film):
    path, _ = animate(made(desk, photo), film, paste="picture", picture=photo)
    assert path.is_file()
    desk.clear()
    assert not desk.folder.exists()


def test_some_pictures_are_kept_aside_where_there_are_enough(tmp_path):
    photos = [tmp_path / f"{number}.jpg" for number in range(40)]
    assert shares(photos[:1]) == (1, 0)
    assert shares(photos[:4]) == (3, 1)
    assert shares(photos) == (32, 1)
    assert shares([tmp_path / "film.mp4"]) == (32, 4)
