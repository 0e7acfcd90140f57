"""The error around eyes and mouth: where it looks, and where it does not."""

import pytest
import torch

from metric.expression import expression_error, eyes_and_mouth

SIZE = 64


@pytest.fixture
def landmarks() -> torch.Tensor:
    """Two faces whose eyes and mouth are small squares of known places, (2, 68, 2)."""
    points = torch.zeros(2, 68, 2)
    for part, (x, y) in (
        (slice(36, 42), (15, 20)),
        (slice(42, 48), (45, 20)),
        (slice(48, 68), (30, 45)),
    ):
        count = part.stop - part.start
        points[:, part] = torch.tensor([float(x), float(y)])
        points[:, part.start + count // 2] += 5
    points[:, 45] = torch.tensor([50.0, 25.0])
    points[1] += 3
    return points


def images() -> torch.Tensor:
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_equal_images_have_no_error(landmarks):
    assert torch.equal(expression_error(images(), images(), landmarks), torch.zeros(2))


def test_black_against_white_is_one(landmarks):
    white = torch.ones(2, 3, SIZE, SIZE)
    torch.testing.assert_close(expression_error(white, -white, landmarks), torch.ones(2))


@pytest.mark.parametrize("part", [(17, 22), (47, 22), (32, 47)])
def test_a_change_in_an_eye_or_in_the_mouth_counts_and_elsewhere_it_does_not(landmarks, part):
    x, y = part
    changed = images()
    changed[0, :, y, x] += 0.5
    error = expression_error(changed, images(), landmarks)
    count = eyes_and_mouth(landmarks, SIZE, SIZE)[0].sum()
    assert error[0].item() == pytest.approx(0.25 / count.item(), rel=1e-4)
    assert error[1] == 0
    changed = images()
    changed[:, :, 1, 1] += 0.5  # a corner of the picture
    changed[:, :, 33, 32] += 0.5  # the nose
    assert torch.equal(expression_error(changed, images(), landmarks), torch.zeros(2))


def test_the_boxes_reach_beyond_the_points_by_a_share_of_the_eye_distance(landmarks):
    mask = eyes_and_mouth(landmarks, SIZE, SIZE)[0]
    margin = 0.15 * (landmarks[0, 36] - landmarks[0, 45]).norm()
    left, right = 30 - margin, 35 + margin
    columns = mask[47].nonzero().flatten()
    assert columns.min() == torch.ceil(left) and columns.max() == torch.floor(right)


def test_a_face_outside_the_image_or_unknown_has_no_error(landmarks):
    landmarks[0] += 500
    landmarks[1] = torch.nan
    assert expression_error(images(), -images(), landmarks).isnan().all()


def test_images_of_different_sizes_are_refused(landmarks):
    with pytest.raises(ValueError, match="same shape"):
        expression_error(images(), images()[..., :32], landmarks)
