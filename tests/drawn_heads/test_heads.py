"""Drawn heads: same seed, same pixels; landmarks lie where the features are drawn."""

import dataclasses
import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_heads.__main__ import main
from drawn_heads.motion import Pose, draw_motion
from drawn_heads.people import Person, draw_person
from drawn_heads.render import render
from drawn_heads.scenes import Film, Light, Scene, draw_scene
from drawn_heads.set import draw_video
from drawn_heads.videos import video_path, write_heads

GREEN = (0.0, 1.0, 0.0)
POSES = (
    Pose(),
    Pose(yaw=24.0, pitch=-9.0, jaw=0.8, scale=1.05),
    Pose(yaw=-20.0, pitch=10.0, roll=14.0, smile=0.9, x=0.04, y=-0.03),
)


def plain_person(seed: int = 2, **changes: object) -> Person:
    """Return a person whose face nothing covers, with some parts recoloured."""
    bare = {
        "glasses": "none", "beard": "none", "hair_style": "bald", "hat": "none", "freckles": 0.0,
        "shadow_of_beard": 0.0, "makeup": 0.0, "earrings": "none", "moles": 0.0, "wrinkles": 0.0,
    }  # fmt: skip
    return dataclasses.replace(draw_person(seed), **{**bare, **changes})


def green_pixels(frame: np.ndarray) -> np.ndarray:
    red, green, blue = (frame[..., channel].astype(int) for channel in range(3))
    return (green > red + 40) & (green > blue + 40)


def filled(points: np.ndarray, size: int) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 1, shift=4)
    return mask.astype(bool)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return (first & second).sum() / (first | second).sum()


def purple_scene(seed: int = 0) -> Scene:
    color = (0.5, 0.2, 0.6)
    white, grey = (0.9, 0.9, 0.9), (0.1, 0.1, 0.1)
    return dataclasses.replace(
        draw_scene(seed),
        place="plain", background=(color, color), clothes=color, clothes_accent=color,
        light=Light((0.4, -0.5, 0.77), 0.3, key=white, ambient=white, fill=grey, rim=grey),
        film=Film(1.0, (1.0, 1.0, 1.0), contrast=0.0, saturation=1.0, softness=0.0),
    )  # fmt: skip


def test_same_seed_gives_the_same_pixels() -> None:
    first = render(draw_person(3), draw_scene(4), draw_motion(5, 10)[7], 96)
    second = render(draw_person(3), draw_scene(4), draw_motion(5, 10)[7], 96)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_frame_and_landmarks_have_the_promised_form() -> None:
    frame, landmarks = render(draw_person(0), draw_scene(0), Pose(), 100)
    assert frame.shape == (100, 100, 3)
    assert frame.dtype == np.uint8
    assert landmarks.shape == (68, 2)
    assert landmarks.dtype == np.float32


def test_different_people_differ_in_face_and_colour() -> None:
    drawn = [render(draw_person(seed), draw_scene(0), Pose(), 64) for seed in range(12)]
    for first in range(12):
        for second in range(first):
            frames = drawn[first][0].astype(float) - drawn[second][0]
            assert np.abs(frames).mean() > 3
            assert np.abs(drawn[first][1] - drawn[second][1]).max() > 0.5


def test_another_scene_changes_the_background_but_not_the_landmarks() -> None:
    first = render(draw_person(1), draw_scene(0), Pose(), 96)
    second = render(draw_person(1), draw_scene(1), Pose(), 96)
    assert np.abs(first[0][:8, :8].astype(float) - second[0][:8, :8]).mean() > 3
    assert np.array_equal(first[1], second[1])


def test_landmarks_stay_finite_and_inside_or_near_the_frame() -> None:
    for seed in range(40):
        person, _, motion = draw_video(1, seed, 0, 60)
        _, landmarks = render(person, draw_scene(0), motion[59], 32)
        assert np.isfinite(landmarks).all()
        assert landmarks.min() > -0.12 * 32
        assert landmarks.max() < 1.12 * 32


def test_landmarks_scale_with_the_frame() -> None:
    person, scene = draw_person(6), draw_scene(6)
    for pose in POSES:
        small = render(person, scene, pose, 64)[1]
        large = render(person, scene, pose, 192)[1]
        assert np.allclose((small + 0.5) * 3, large + 0.5, atol=1e-3)


def test_frontal_landmarks_are_in_the_usual_order() -> None:
    landmarks = render(draw_person(8), draw_scene(0), Pose(), 256)[1]
    x, y = landmarks.T
    for run in (range(0, 17), range(17, 22), range(22, 27), range(31, 36), range(48, 55)):
        assert (np.diff(x[list(run)]) > 0).all()
    assert (np.diff(y[27:31]) > 0).all()
    assert y[37] < y[41]
    assert y[44] < y[46]
    assert x[36] < x[39] < x[42] < x[45]
    assert y[17:27].max() < y[36:48].min() < y[33] < y[51] < y[62] <= y[66] < y[57] < y[8]


@pytest.mark.parametrize("pose", POSES)
def test_lips_are_drawn_between_their_landmarks(pose: Pose) -> None:
    size = 384
    frame, landmarks = render(plain_person(lips=GREEN), purple_scene(), pose, size)
    expected = filled(landmarks[48:60], size) & ~filled(landmarks[60:68], size)
    assert overlap(green_pixels(frame), expected) > 0.72
    assert overlap(green_pixels(frame), np.roll(expected, 8, axis=0)) < 0.6


@pytest.mark.parametrize("pose", POSES)
def test_irises_are_drawn_inside_the_eye_landmarks(pose: Pose) -> None:
    size = 384
    frame, landmarks = render(plain_person(iris=GREEN), purple_scene(), pose, size)
    green = green_pixels(frame)
    eyes = [filled(landmarks[run], size) for run in (slice(36, 42), slice(42, 48))]
    near = [cv2.dilate(eye.astype(np.uint8), np.ones((7, 7))).astype(bool) for eye in eyes]
    assert green.sum() > 150
    assert (green & (near[0] | near[1])).sum() == green.sum()
    for eye, region in zip(eyes, near, strict=True):
        rows, columns = np.nonzero(green & region)
        middle = np.array([columns.mean(), rows.mean()])
        ys, xs = np.nonzero(eye)
        assert np.abs(middle - (xs.mean(), ys.mean())).max() < 8


@pytest.mark.parametrize("pose", POSES)
def test_brows_are_drawn_along_their_landmarks(pose: Pose) -> None:
    size = 384
    person = plain_person(brow_color=GREEN, brow_thickness=0.045)
    frame, landmarks = render(person, purple_scene(), pose, size)
    rows, columns = np.nonzero(green_pixels(frame))
    assert len(rows) > 300
    line = np.zeros((size, size), np.uint8)
    for run in (slice(17, 22), slice(22, 27)):
        cv2.polylines(line, [np.rint(landmarks[run]).astype(np.int32)], False, 1)
        middle = np.rint(landmarks[run][2]).astype(int)
        assert green_pixels(frame)[middle[1], middle[0]]
    away = cv2.distanceTransform(1 - line, cv2.DIST_L2, 5)
    assert away[rows, columns].max() < 0.08 * size / 3.02 + 4


def test_the_jaw_of_a_frontal_face_ends_at_its_landmarks() -> None:
    size = 384
    frame, landmarks = render(plain_person(skin=GREEN, ear_size=0.1), purple_scene(), Pose(), size)
    green = green_pixels(frame)
    for index in (1, 2, 3, 4, 12, 13, 14, 15):
        x, y = landmarks[index]
        columns = np.flatnonzero(green[round(float(y))])
        edge = columns.min() if index < 8 else columns.max()
        assert abs(edge - x) < 3.5


def test_yaw_moves_the_nose_towards_its_side_of_the_oval() -> None:
    def nose_in_oval(yaw: float) -> float:
        x = render(draw_person(0), draw_scene(0), Pose(yaw=yaw), 64)[1][:, 0]
        return (x[30] - x[0]) / (x[16] - x[0])

    places = [nose_in_oval(yaw) for yaw in (-30.0, -15.0, 0.0, 15.0, 30.0)]
    assert (np.diff(places) > 0.05).all()
    assert places[2] == pytest.approx(0.5, abs=0.02)


def test_pitch_lifts_the_nose_and_roll_tilts_the_eyes() -> None:
    person, scene = draw_person(0), draw_scene(0)

    def nose_height(pitch: float) -> float:
        y = render(person, scene, Pose(pitch=pitch), 64)[1][:, 1]
        return float((y[30] - y[36:48].mean()) / (y[8] - y[36:48].mean()))

    assert nose_height(15.0) < nose_height(0.0) - 0.05 < nose_height(-15.0) - 0.1
    level = render(person, scene, Pose(roll=12.0), 64)[1]
    across = level[45] - level[36]
    assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(12.0, abs=1.0)


def test_a_blink_closes_the_eye_landmarks_and_the_drawn_eye() -> None:
    person, scene = plain_person(iris=GREEN), purple_scene()
    opened, open_landmarks = render(person, scene, Pose(), 256)
    closed, closed_landmarks = render(person, scene, Pose(blink=1.0), 256)
    open_height = open_landmarks[41, 1] - open_landmarks[37, 1]
    closed_height = closed_landmarks[41, 1] - closed_landmarks[37, 1]
    assert open_height > 6
    assert abs(closed_height) < 0.15 * open_height
    assert green_pixels(opened).sum() > 100
    assert green_pixels(closed).sum() == 0


def test_the_jaw_opens_the_inner_lips_and_shows_the_mouth() -> None:
    person, scene = plain_person(), purple_scene()
    shut_frame, shut = render(person, scene, Pose(), 256)
    open_frame, opened = render(person, scene, Pose(jaw=1.0), 256)
    assert shut[66, 1] - shut[62, 1] < 1.0
    assert opened[66, 1] - opened[62, 1] > 12
    assert opened[8, 1] > shut[8, 1] + 5
    inside = filled(opened[60:68], 256)
    change = np.abs(open_frame.astype(int) - shut_frame).sum(axis=-1)
    assert change[inside].mean() > 60


def test_a_smile_lifts_and_parts_the_corners_of_the_mouth() -> None:
    person, scene = draw_person(0), draw_scene(0)
    neutral = render(person, scene, Pose(), 256)[1]
    smiling = render(person, scene, Pose(smile=1.0), 256)[1]
    assert smiling[54, 0] - smiling[48, 0] > 1.1 * (neutral[54, 0] - neutral[48, 0])
    assert smiling[[48, 54], 1].mean() < neutral[[48, 54], 1].mean() - 1


def test_motion_is_smooth_large_and_begins_like_a_shorter_one() -> None:
    motions = [draw_motion(seed, 100) for seed in range(60)]
    assert 25 < np.mean([motion.yaw.std() for motion in motions]) < 35
    assert 5 < np.mean([motion.pitch.std() for motion in motions]) < 10
    assert 4 < np.mean([motion.roll.std() for motion in motions]) < 9
    for motion in motions:
        assert np.abs(motion.yaw).max() < 76
        assert np.abs(np.diff(motion.yaw)).max() < 9
        assert motion.blink.min() == 0
        assert motion.blink.max() > 0.9
    short, part = draw_motion(7, 30), draw_motion(7, 100)[10:30]
    assert len(part) == 20
    for name, values in vars(short).items():
        assert np.array_equal(values[10:], getattr(part, name)), name
    assert short[3].yaw == short.yaw[3]


def test_every_video_turns_to_both_sides_almost_to_profile_and_is_in_front_half_of_the_time():
    videos = [draw_video(0, person, 0, 100)[2].yaw for person in range(100)]
    for yaw in videos:
        assert yaw.min() < -50
        assert yaw.max() > 50
        assert 0.3 < np.mean(np.abs(yaw) < 20) < 0.75
    assert np.mean(np.abs(videos) < 20) > 0.5
    assert np.mean(np.abs(videos) > 60) > 0.04
    for person in range(100):
        sparse = draw_video(0, person, 0, 12, fps=2.4)[2].yaw
        assert sparse.min() < -35
        assert sparse.max() > 35


@pytest.mark.parametrize("yaw", [-70.0, -55.0, 55.0, 70.0])
def test_the_near_side_of_a_turned_head_is_drawn_at_its_landmarks(yaw: float) -> None:
    size, pose = 384, Pose(yaw=yaw, jaw=0.4)
    near_eye, near_brow = (slice(42, 48), 24) if yaw < 0 else (slice(36, 42), 19)
    frame, landmarks = render(plain_person(iris=GREEN), purple_scene(), pose, size)
    eye = cv2.dilate(filled(landmarks[near_eye], size).astype(np.uint8), np.ones((7, 7)))
    green = green_pixels(frame)
    assert (green & eye.astype(bool)).sum() > 40
    far = landmarks[36:42] if yaw < 0 else landmarks[42:48]
    other = cv2.dilate(filled(far, size).astype(np.uint8), np.ones((9, 9))).astype(bool)
    assert (green & ~(eye.astype(bool) | other)).sum() == 0

    person = plain_person(brow_color=GREEN, brow_thickness=0.045)
    frame, landmarks = render(person, purple_scene(), pose, size)
    x, y = np.rint(landmarks[near_brow]).astype(int)
    assert green_pixels(frame)[y, x]

    frame, landmarks = render(plain_person(lips=GREEN), purple_scene(), pose, size)
    ring = filled(landmarks[48:60], size)
    green = green_pixels(frame)
    grown = cv2.dilate(ring.astype(np.uint8), np.ones((9, 9))).astype(bool)
    assert green.sum() > 150
    assert (green & grown).sum() > 0.93 * green.sum()


@pytest.mark.parametrize("yaw", [-70.0, 70.0])
def test_the_nose_of_a_profile_ends_at_its_landmark(yaw: float) -> None:
    frame, landmarks = render(plain_person(skin=GREEN), purple_scene(), Pose(yaw=yaw), 384)
    tip = landmarks[30]
    columns = np.flatnonzero(green_pixels(frame)[round(float(tip[1]))])
    edge = columns.min() if yaw < 0 else columns.max()
    assert abs(edge - tip[0]) < 5


def test_neighbouring_frames_are_close_and_the_background_stands_still() -> None:
    person, scene, motion = draw_video(0, 4, 0, 12)
    frames = [render(person, scene, motion[index], 96)[0].astype(int) for index in range(12)]
    for before, after in itertools.pairwise(frames):
        assert np.abs(after - before).mean() < 9
        assert np.array_equal(before[:6, :6], after[:6, :6])


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="frames"):
        draw_motion(0, 0)
    with pytest.raises(ValueError, match="fps"):
        draw_motion(0, 5, fps=0.0)
    with pytest.raises(ValueError, match="size"):
        render(draw_person(0), draw_scene(0), Pose(), 8)
    with pytest.raises(ValueError, match="person"):
        draw_video(0, -1, 0, 5)
    with pytest.raises(ValueError, match="people"):
        write_heads(Path("unused"), people=0)
    with pytest.raises(ValueError, match="even"):
        write_heads(Path("unused"), people=1, size=63)
    with pytest.raises(ValueError, match="fps"):
        write_heads(Path("unused"), people=1, fps=0.0)


def test_people_are_the_same_in_every_video_and_disjoint_by_number() -> None:
    first, second = draw_video(5, 0, 0, 4), draw_video(5, 0, 1, 4)
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert not np.array_equal(first[2].yaw, second[2].yaw)
    assert draw_video(5, 1, 0, 4)[0] != first[0]
    assert draw_video(6, 0, 0, 4)[0] != first[0]


def test_fewer_frames_a_second_spread_the_same_motion_over_a_longer_time() -> None:
    fast, slow = draw_video(5, 0, 0, 50)[2], draw_video(5, 0, 0, 10, fps=5.0)[2]
    assert np.allclose(fast.yaw[::5], slow.yaw)


def read_video(path: Path) -> np.ndarray:
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        there, frame = capture.read()
        if not there:
            return np.stack(frames)
        frames.append(frame[..., ::-1])


def test_written_tree_reads_back_with_frames_and_landmarks(tmp_path: Path) -> None:
    paths = write_heads(
        tmp_path, 2, 2, frames=5, size=64, seed=3, first_person=7, workers=1, progress=False
    )
    assert paths == [video_path(tmp_path, person, video) for person in (7, 8) for video in (0, 1)]
    assert paths[0].relative_to(tmp_path).parts[0] == "id00007"
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    landmarks = (path.with_suffix(".landmarks.npy") for path in paths)
    assert files == {*paths, *landmarks, tmp_path / "heads.json"}
    person, scene, motion = draw_video(3, 8, 1, 5)
    landmarks = np.load(paths[3].with_suffix(".landmarks.npy"))
    assert landmarks.shape == (5, 68, 2)
    assert landmarks.dtype == np.float32
    decoded = read_video(paths[3])
    assert decoded.shape == (5, 64, 64, 3)
    for index in range(5):
        frame, points = render(person, scene, motion[index], 64)
        assert np.array_equal(points, landmarks[index])
        assert np.abs(decoded[index].astype(int) - frame).mean() < 9


def test_a_restart_keeps_what_is_complete_and_completes_the_rest(tmp_path: Path) -> None:
    options = {"people": 3, "frames": 3, "size": 64, "workers": 1, "progress": False}
    paths = write_heads(tmp_path, **options)
    frames = [read_video(path) for path in paths]
    kept = paths[0].stat().st_mtime_ns
    paths[1].unlink()
    paths[2].with_suffix(".landmarks.npy").unlink()
    assert write_heads(tmp_path, **options) == paths
    assert paths[0].stat().st_mtime_ns == kept
    for path, before in zip(paths, frames, strict=True):
        assert np.array_equal(read_video(path), before)
        assert len(np.load(path.with_suffix(".landmarks.npy"))) == 3


def test_processes_write_what_one_process_writes(tmp_path: Path) -> None:
    options = {"people": 2, "frames": 2, "size": 32, "progress": False}
    alone = write_heads(tmp_path / "alone", workers=1, **options)
    together = write_heads(tmp_path / "together", workers=2, **options)
    for first, second in zip(alone, together, strict=True):
        assert np.array_equal(read_video(first), read_video(second))
        points = [np.load(path.with_suffix(".landmarks.npy")) for path in (first, second)]
        assert np.array_equal(*points)


def test_the_command_line_draws_and_names_a_wrong_number_in_one_line(tmp_path, capsys):
    main(["--output", str(tmp_path / "heads"), "--people", "1", "--frames", "2", "--size", "32"])
    (video,) = (tmp_path / "heads").rglob("*.mp4")
    assert capsys.readouterr().out == f"1 videos in {tmp_path / 'heads'}\n"
    assert np.load(video.with_suffix(".landmarks.npy")).shape == (2, 68, 2)
    with pytest.raises(SystemExit) as stop:
        main(["--output", str(tmp_path / "none"), "--people", "0"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "python -m drawn_heads: error: people must be at least 1, got 0"
    )
    assert not (tmp_path / "none").exists()
