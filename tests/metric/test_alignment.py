"""Aligned faces against scikit-image and OpenCV."""

import cv2
import numpy as np
import pytest
import torch
from skimage.transform import SimilarityTransform, warp

from metric.alignment import align_faces, crop_to_picture, fit_similarity
from pretrained.framing import FIVE_POINTS, Framing
from tests.metric.conftest import face, spots

# As insightface publishes it.
TEMPLATE = torch.tensor(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
FRAMING = Framing(112, dict(zip(FIVE_POINTS, TEMPLATE.tolist(), strict=True)))


def five_points(landmarks: torch.Tensor) -> torch.Tensor:
    eyes = [landmarks[:, 36:42].mean(1), landmarks[:, 42:48].mean(1)]
    return torch.stack([*eyes, *landmarks[:, [30, 48, 54]].unbind(1)], dim=1)


def test_the_transform_is_that_of_scikit_image():
    points = five_points(face(0))
    turn, shift = fit_similarity(points, TEMPLATE[None])
    expected = SimilarityTransform.from_estimate(points[0].double().numpy(), TEMPLATE.numpy())
    assert turn.real.item() == pytest.approx(expected.params[0, 0], rel=1e-4)
    assert turn.imag.item() == pytest.approx(expected.params[1, 0], rel=1e-4)
    assert [shift.real.item(), shift.imag.item()] == pytest.approx(
        expected.translation.tolist(), rel=1e-4
    )


def test_crops_are_those_of_scikit_image_at_every_pixel_and_border():
    images, landmarks = spots(0, 2)[..., :104], torch.cat([face(0), face(1) - 20])
    crops = align_faces(images, landmarks, FRAMING)
    for image, points, crop in zip(images, five_points(landmarks), crops, strict=True):
        transform = SimilarityTransform.from_estimate(points.double().numpy(), TEMPLATE.numpy())
        expected = warp(
            image.permute(1, 2, 0).double().numpy(), transform.inverse,
            output_shape=(112, 112), order=1, cval=-1,
        )  # fmt: skip
        np.testing.assert_allclose(crop.permute(1, 2, 0), expected, atol=2e-4)


def test_a_face_that_lies_on_the_template_is_cut_out_as_it_is():
    image = spots(0, size=112)
    landmarks = face(0)
    landmarks[:, 36:42], landmarks[:, 42:48] = TEMPLATE[0], TEMPLATE[1]
    landmarks[:, [30, 48, 54]] = TEMPLATE[2:]
    torch.testing.assert_close(align_faces(image, landmarks, FRAMING), image, atol=1e-4, rtol=0)


def test_a_turned_and_shrunk_picture_gives_the_same_crop():
    image, landmarks = spots(0, size=160), face(0) + 16
    matrix = cv2.getRotationMatrix2D((79.5, 79.5), 25, 0.9)
    turned = cv2.warpAffine(image[0].permute(1, 2, 0).numpy(), matrix, (160, 160))
    moved = landmarks @ torch.tensor(matrix[:, :2]).float().T + torch.tensor(matrix[:, 2]).float()
    crops = align_faces(torch.from_numpy(turned).permute(2, 0, 1)[None], moved, FRAMING)
    assert (crops - align_faces(image, landmarks, FRAMING)).abs().median() < 0.005


def test_a_template_may_be_fitted_in_the_picture_with_the_least_error_there():
    framing = FRAMING._replace(fitted_in_picture=True)
    points = five_points(face(0))
    turn, shift = crop_to_picture(face(0), framing)
    expected = SimilarityTransform.from_estimate(TEMPLATE.numpy(), points[0].double().numpy())
    matrix = [turn.real.item(), turn.imag.item(), shift.real.item(), shift.imag.item()]
    assert matrix == pytest.approx(
        [*expected.params[:2, 0], *expected.translation.tolist()], rel=1e-4
    )


def test_a_mirrored_template_is_never_reached_by_a_reflection():
    points = five_points(face(0))
    mirrored = points * torch.tensor([-1.0, 1.0])
    turn, shift = fit_similarity(points, mirrored)
    moved = turn[:, None] * torch.view_as_complex(points) + shift[:, None]
    assert (torch.view_as_real(moved) - mirrored).abs().max() > 1


def test_outside_the_picture_is_black():
    white = torch.ones(1, 3, 128, 128)
    crop = align_faces(white, face(0) - 200, FRAMING)
    assert crop.min() == -1


@pytest.mark.parametrize("in_picture", [False, True])
def test_missing_landmarks_leave_their_face_missing_and_no_other(in_picture):
    landmarks = torch.cat([face(seed) for seed in range(4)])
    landmarks[1, 36] = torch.nan
    landmarks[2], landmarks[3] = 64, 37.3  # of which sums are rounded
    framing = FRAMING._replace(fitted_in_picture=in_picture)
    crops = align_faces(spots(0, 4), landmarks, framing)
    assert crops[0].isfinite().all()
    assert crops[1:].isnan().all()


def test_landmarks_of_another_number_of_faces_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 68, 2\), got \(1, 68, 2\)"):
        align_faces(spots(0, 2), face(0), FRAMING)
