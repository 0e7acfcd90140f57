"""VGGFace's last hidden layer, with random weights."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.models import vgg16

from metric.alignment import align_faces
from metric.identity import FaceDescriptor, cosine
from pretrained.vggface import VggFace
from tests.metric.conftest import face, spots

MEAN = (129.1863, 104.7624, 93.5940)  # of vgg_face_dag.pth


VGG16 = (
    ("features.0", "features.2"),
    ("features.5", "features.7"),
    ("features.10", "features.12", "features.14"),
    ("features.17", "features.19", "features.21"),
    ("features.24", "features.26", "features.28"),
)


@pytest.fixture(scope="module")
def vggface_state() -> dict[str, torch.Tensor]:
    """Random weights of VGG16 up to fc7, and of fc8, which is not needed."""
    with torch.device("meta"):
        wanted = vgg16(weights=None, init_weights=False).state_dict()
    torch.manual_seed(0)
    state = {}
    for key, value in wanted.items():
        reach = (6 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1
        state[key] = torch.empty(value.shape).uniform_(-reach, reach)
    return state


def test_vggface_is_vgg16_with_max_pooling_on_rgb_less_its_mean(vggface_state):
    vggface = FaceDescriptor(VggFace(vggface_state))
    images, landmarks = spots(0, 2), torch.cat([face(0), face(1)])
    rows = vggface(images, landmarks)

    x = 255 * (align_faces(images, landmarks, VggFace.framing) + 1) / 2
    x = x - torch.tensor(MEAN).reshape(1, 3, 1, 1)
    state = vggface_state
    for block in VGG16:
        for name in block:
            x = F.relu(F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1))
        x = F.max_pool2d(x, 2)
    x = x.flatten(1)
    for name in ("classifier.0", "classifier.3"):
        x = F.relu(F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"]))
    assert rows.shape == (2, 4096)
    assert cosine(rows[:1], rows[1:]).item() < 0.999
    torch.testing.assert_close(rows, x / x.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-6)
    assert not any(parameter.requires_grad for parameter in vggface.parameters())


def test_vggface_sees_the_whole_face_with_the_eyes_a_quarter_of_the_side_apart():
    right, left, nose, *mouth = VggFace.framing.template.values()
    assert left[0] - right[0] == pytest.approx(224 / 4, abs=1)
    assert (left[0] + right[0]) / 2 == pytest.approx(223 / 2, abs=1)
    assert all(0.55 * 224 < y < 0.8 * 224 for _, y in (nose, *mouth))


def test_vggface_without_a_face_is_missing(vggface_state):
    landmarks = torch.cat([face(0), face(1)])
    landmarks[0] = torch.nan
    rows = FaceDescriptor(VggFace(vggface_state))(spots(0, 2), landmarks)
    assert rows[0].isnan().all()
    assert rows[1].norm().item() == pytest.approx(1)


def test_a_file_of_another_network_is_refused(vggface_state):
    without = {key: value for key, value in vggface_state.items() if key != "classifier.3.bias"}
    with pytest.raises(ValueError, match=r"face.pth has no classifier.3.bias"):
        VggFace(without, "face.pth")
    with pytest.raises(ValueError, match=r"face.pth: features.0.weight must have .* got \(1,\)"):
        VggFace({**vggface_state, "features.0.weight": torch.zeros(1)}, "face.pth")
