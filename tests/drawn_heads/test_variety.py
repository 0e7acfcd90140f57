"""People and places differ in everything that the drawing knows, and each thing shows."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from drawn_heads import backgrounds
from drawn_heads.kinds import BEARDS, EARRINGS, GLASSES, HAIR_STYLES, HATS
from drawn_heads.motion import Pose
from drawn_heads.people import Person, draw_person
from drawn_heads.render import render
from drawn_heads.scenes import COLLARS, LIGHTS, PATTERNS, PLACES, Scene, draw_scene

PEOPLE = [draw_person(seed) for seed in range(600)]
SCENES = [draw_scene(seed) for seed in range(600)]
KINDS = {
    "hair_style": HAIR_STYLES,
    "glasses": GLASSES,
    "beard": BEARDS,
    "hat": HATS,
    "earrings": ("none", *EARRINGS),
}
PLACE_KINDS = {"place": PLACES, "collar": COLLARS, "pattern": PATTERNS}


def share(found) -> float:
    return float(np.mean(list(found)))


def bare(seed: int = 2) -> Person:
    return dataclasses.replace(
        draw_person(seed), age=45.0, glasses="none", beard="none", hat="none", earrings="none",
        hair_style="short", glasses_tint=0.0, shadow_of_beard=0.0, freckles=0.0, wrinkles=0.0,
    )  # fmt: skip


def still() -> Scene:
    return dataclasses.replace(draw_scene(4), pattern="plain", place="plain", collar="v")


@pytest.mark.parametrize(("name", "kinds"), KINDS.items())
def test_every_kind_occurs_among_people(name, kinds):
    counts = Counter(getattr(person, name) for person in PEOPLE)
    assert set(counts) == set(kinds)
    assert min(counts.values()) >= 0.006 * len(PEOPLE)


@pytest.mark.parametrize(("name", "kinds"), PLACE_KINDS.items())
def test_every_kind_occurs_among_scenes(name, kinds):
    counts = Counter(getattr(scene, name) for scene in SCENES)
    assert set(counts) == set(kinds)
    assert min(counts.values()) >= 0.03 * len(SCENES)


def test_kinds_have_the_shares_that_the_tables_state():
    for table in (GLASSES, BEARDS, PLACES, COLLARS, PATTERNS):
        assert sum(table.values()) == pytest.approx(1)
    assert sum(light.share for light in LIGHTS.values()) == pytest.approx(1)
    assert [sum(pair[n] for pair in HATS.values()) for n in (0, 1)] == pytest.approx([1, 1])
    assert 0.25 < share(person.glasses != "none" for person in PEOPLE) < 0.40
    assert 0.17 < share(person.hat != "none" for person in PEOPLE) < 0.30
    assert 0.20 < share(person.beard != "none" for person in PEOPLE) < 0.35
    assert 0.15 < share(person.earrings != "none" for person in PEOPLE) < 0.30


def test_people_are_of_all_ages_and_look_it():
    children = [person for person in PEOPLE if person.age < 13]
    adults = [person for person in PEOPLE if 20 < person.age < 45]
    old = [person for person in PEOPLE if person.age > 70]
    for group, least in ((children, 0.09), (adults, 0.25), (old, 0.09)):
        assert len(group) > least * len(PEOPLE)
    assert not any(p.beard != "none" or p.makeup or p.wrinkles for p in children)

    def mean(group, name):
        return np.mean([getattr(person, name) for person in group])

    assert mean(children, "chin_y") < mean(adults, "chin_y") - 0.06
    assert mean(children, "eye_y") > mean(adults, "eye_y") + 0.04
    assert mean(children, "nose_height") < mean(adults, "nose_height") - 0.04
    assert mean(old, "wrinkles") > 0.8 > 0.3 > mean(adults, "wrinkles")
    grey = [np.ptp(person.hair) < 0.1 and max(person.hair) > 0.4 for person in old]
    assert np.mean(grey) > 0.5


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kinds in KINDS.items() for kind in kinds]
)
def test_every_kind_shows_in_the_picture_and_leaves_the_landmarks(name, kind):
    person = bare()
    plain = "bald" if name == "hair_style" else "none"
    before, after = (dataclasses.replace(person, **{name: value}) for value in (plain, kind))
    for yaw in (0.0, 65.0):
        pose = Pose(yaw=yaw)
        without, with_it = render(before, still(), pose, 96), render(after, still(), pose, 96)
        assert np.array_equal(without[1], with_it[1])
        changed = np.abs(without[0].astype(int) - with_it[0]).max(-1) > 12
        assert changed.any() == (kind != plain)
        if kind != plain:
            assert changed.sum() > (8 if name == "earrings" else 40)


@pytest.mark.parametrize("hat", sorted(set(HATS) - {"none"}))
def test_a_hat_is_seen_from_all_sides_and_leaves_the_face_bare(hat):
    green = (0.1, 0.9, 0.1)
    person = dataclasses.replace(bare(), hat=hat, hat_color=green, hat_accent=green)
    for yaw in (-65.0, 0.0, 65.0):
        frame, landmarks = render(person, still(), Pose(yaw=yaw), 96)
        cloth = frame[..., 1] > frame[..., [0, 2]].max(-1).astype(int) + 25
        assert cloth.sum() > 500
        column, row = np.rint(landmarks[36:68].mean(0)).astype(int)
        assert not cloth[row - 5 : row + 6, column - 5 : column + 6].any()


@pytest.mark.parametrize("changes", [{"freckles": 1.0}, {"wrinkles": 1.0}, {"makeup": 1.0}])
def test_marks_of_the_skin_turn_with_the_face(changes):
    person, moved = bare(), []
    for yaw in (-22.0, 22.0):
        pose = Pose(yaw=yaw)
        without, landmarks = render(person, still(), pose, 192)
        with_it, _ = render(dataclasses.replace(person, **changes), still(), pose, 192)
        weight = np.abs(without.astype(float) - with_it).sum(-1)
        assert weight.sum() > 1000
        moved.append((weight.sum(0) @ np.arange(192) / weight.sum(), landmarks[27:36, 0].mean()))
    (mark_left, nose_left), (mark_right, nose_right) = moved
    assert nose_right - nose_left > 15
    assert mark_right - mark_left > 0.35 * (nose_right - nose_left)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_a_picture_of_its_own_that_repeats(place):
    scene = dataclasses.replace(draw_scene(3), place=place)
    picture = backgrounds.background(scene, 64)
    backgrounds.background.cache_clear()
    assert np.array_equal(backgrounds.background(scene, 64), picture)
    assert picture.shape == (64, 64, 3)
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert picture.mean() > 0.01
    other = dataclasses.replace(scene, place="blobs" if place == "plain" else "plain")
    assert np.abs(backgrounds.background(other, 64) - picture).mean() > 0.005


def test_light_comes_from_both_sides_above_and_behind():
    x, y, z = np.array([scene.light.direction for scene in SCENES]).T
    assert np.allclose(x * x + y * y + z * z, 1)
    assert 0.4 < np.mean(x > 0) < 0.6
    assert np.mean(np.abs(x) > 0.75) > 0.15
    assert np.mean(y < -0.7) > 0.06
    assert np.mean(z < 0.1) > 0.03


def test_light_from_one_side_leaves_the_other_side_of_the_face_dark():
    sides = []
    for x in (-0.95, 0.95):
        light = dataclasses.replace(still().light, direction=(x, -0.1, 0.3), hardness=1.0)
        light = dataclasses.replace(light, key=(1.2,) * 3, ambient=(0.4,) * 3, fill=(0.1,) * 3)
        scene = dataclasses.replace(still(), light=light)
        frame, landmarks = render(bare(), scene, Pose(), 128)
        row = slice(*np.sort(np.rint(landmarks[[29, 33], 1]).astype(int)))
        middle = round(float(landmarks[30, 0]))
        sides.append([frame[row, middle - 25 : middle - 8], frame[row, middle + 8 : middle + 25]])
    (left_lit, dark_right), (dark_left, right_lit) = sides
    assert left_lit.mean() > 1.5 * dark_right.mean()
    assert right_lit.mean() > 1.5 * dark_left.mean()
