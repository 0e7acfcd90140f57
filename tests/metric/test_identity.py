"""Faces are cut out as a network wants them, and described by vectors of unit length."""

import torch

from metric.alignment import align_faces
from metric.identity import FaceDescriptor, cosine, distance
from tests.metric.conftest import face, spots
from tests.metric.test_alignment import FRAMING


class MeanColour:
    """A network that describes a crop by its mean colour, and by the middle of its upper half."""

    name = "mean colour"
    framing = FRAMING
    same_person = 0.6

    def __call__(self, crops):
        self.seen = crops
        return torch.cat([crops.nanmean((2, 3)), crops[:, :, 28, 56].nan_to_num(1.0)], dim=1)


def test_a_network_gets_the_crops_that_it_wants_and_its_rows_get_unit_length():
    network = MeanColour()
    describe = FaceDescriptor(network)
    images, landmarks = spots(0, 3), torch.cat([face(seed) for seed in range(3)])
    rows = describe(images, landmarks)
    assert describe.name == "mean colour"
    assert torch.equal(network.seen, align_faces(images, landmarks, FRAMING))
    raw = network(network.seen)
    torch.testing.assert_close(rows, raw / raw.norm(dim=1, keepdim=True))
    assert torch.equal(describe.raw(images, landmarks), raw)
    assert describe.same_person == 0.6


def test_no_face_is_no_descriptor_whatever_the_network_makes_of_it():
    class Unimpressed(MeanColour):
        def __call__(self, crops):
            return torch.ones(len(crops), 4)

    landmarks = torch.cat([face(0), face(1)])
    landmarks[0] = torch.nan
    describe = FaceDescriptor(Unimpressed())
    for rows in (describe(spots(0, 2), landmarks), describe.raw(spots(0, 2), landmarks)):
        assert rows.isnan().all(1).tolist() == [True, False]


def test_cosine_is_one_for_equal_and_zero_for_orthogonal_descriptors():
    a = torch.tensor([[1.0, 0], [0, 1], [0.6, 0.8]])
    b = torch.tensor([[1.0, 0], [1, 0], [1, 0]])
    torch.testing.assert_close(cosine(a, b), torch.tensor([1, 0, 0.6]))


def test_distance_is_that_between_the_ends_of_descriptors_of_any_length():
    a = torch.tensor([[1.0, 0], [0, 2]])
    b = torch.tensor([[1.0, 0], [3, -2]])
    torch.testing.assert_close(distance(a, b), torch.tensor([0.0, 5]))
