"""The landmark image is the reference's, Sec. 4.3 (pitfall P23)."""

import itertools

import numpy as np
import pytest

from dataset.landmarks import PARTS, draw_landmarks, scale_landmarks

# Points, closed, colour: written out again, since a table compared with itself cannot fail.
EXPECTED = [
    (range(0, 17), False, (255, 255, 255)),
    (range(17, 22), False, (255, 0, 0)),
    (range(22, 27), False, (0, 255, 0)),
    (range(27, 31), False, (0, 0, 255)),
    (range(31, 36), False, (0, 0, 255)),
    (range(36, 42), True, (255, 0, 255)),
    (range(42, 48), True, (0, 255, 255)),
    (range(48, 60), True, (255, 255, 0)),
    (range(60, 68), True, (255, 255, 0)),
]


def face() -> np.ndarray:
    """Parts far from each other: each on a circle of its own."""
    points = np.zeros((68, 2), np.float32)
    for at, (indices, *_) in enumerate(EXPECTED):
        angle = np.linspace(0, 1.5 * np.pi, len(indices))
        center = 42 + 85 * np.array([at % 3, at // 3])
        points[list(indices)] = center + 30 * np.stack([np.cos(angle), np.sin(angle)], 1)
    return points


@pytest.mark.parametrize("at", range(len(EXPECTED)))
def test_p23_every_part_has_its_colour_and_is_closed_or_open(at):
    indices, closed, colour = EXPECTED[at]
    points = face()
    drawn = draw_landmarks(points, 256)
    for one, other in itertools.pairwise(indices):
        x, y = np.rint((points[one] + points[other]) / 2).astype(int)
        assert (drawn[y - 1 : y + 2, x - 1 : x + 2] == colour).all(-1).any()
    x, y = np.rint((points[indices[0]] + points[indices[-1]]) / 2).astype(int)
    assert (drawn[y, x] == colour).all() == closed
    assert not drawn[y, x].any() or closed


def test_scaling_keeps_pixel_centres():
    corner = np.array([[-0.5, -0.5], [63.5, 63.5]])
    assert np.allclose(scale_landmarks(corner, 64, 256), [[-0.5, -0.5], [255.5, 255.5]])


@pytest.mark.parametrize("size", [64, 128])
def test_a_small_landmark_image_tells_a_closed_eye_from_one_open_by_a_pixel(size):
    def eye(opening: float) -> np.ndarray:
        points = np.full((68, 2), -1e3)
        points[36:42, 0] = size / 2 + np.array([0, 3, 6, 9, 6, 3])
        points[36:42, 1] = size / 2 + opening / 2 * np.array([0, -1, -1, 0, 1, 1])
        return draw_landmarks(points, size).astype(int)

    drawn = [eye(opening) for opening in (0, 0.5, 1, 1.5, 2)]
    changes = [np.abs(one - other).sum() for one, other in itertools.pairwise(drawn)]
    assert min(changes) > 100  # drawn on whole pixels, one of these steps shows nothing


@pytest.mark.parametrize("size", [64, 128])
def test_a_small_landmark_image_lies_where_its_points_do(size):
    points = scale_landmarks(face(), 256, size)
    seen = np.argwhere(draw_landmarks(points, size).any(-1))[:, ::-1]
    assert np.abs((seen.min(0) + seen.max(0)) / 2 - (points.min(0) + points.max(0)) / 2).max() < 1


def test_all_points_belong_to_exactly_one_part():
    assert [i for part in PARTS for i in range(68)[part.indices]] == list(range(68))


def test_inner_lips_can_be_left_out():
    points = face()
    with_lips, without = draw_landmarks(points, 256), draw_landmarks(points, 256, inner_lips=False)
    x, y = np.rint(points[62]).astype(int)
    assert with_lips[y, x].any()
    assert not without[y, x].any()


def test_points_far_outside_do_no_harm():
    points = face()
    points[0] = (-1e9, 1e9)
    assert draw_landmarks(points, 64).shape == (64, 64, 3)


def test_missing_landmarks_are_refused():
    points = face()
    points[5, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        draw_landmarks(points, 64)
    with pytest.raises(ValueError, match=r"\(68, 2\)"):
        draw_landmarks(points[:67], 64)
