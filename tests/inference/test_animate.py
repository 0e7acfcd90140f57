"""From landmarks to frames: lazily, and the same whatever the batch."""

import itertools
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from dataset.images import frame_to_image, normalize, read_image, write_image
from dataset.landmarks import draw_landmarks
from inference.animate import animate
from inference.prepared import PreparedHead, embed_person
from network.embedder import Embedder
from network.generator import Generator
from network.personal_generator import PersonalGenerator

SIZE = 64


@pytest.fixture(scope="module")
def head() -> PersonalGenerator:
    torch.manual_seed(0)
    generator = Generator(
        image_size=SIZE, channels=8, max_channels=32, embedding_size=32, bottleneck=4
    )
    return PersonalGenerator(generator, torch.randn(1, generator.style_size)).train()


def faces(count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, SIZE, (count, 68, 2)).astype(np.float32)


def test_landmarks_are_read_only_when_their_frames_are_asked_for(head):
    read = 0

    def stream():
        nonlocal read
        for face in itertools.islice(itertools.cycle(faces(4)), 1000):
            read += 1
            yield face

    frames = animate(PreparedHead(head, SIZE), stream(), batch_size=4)
    assert read == 0
    for asked, expected in ((1, 4), (4, 4), (5, 8), (9, 12)):
        while asked > 0 and read < expected:
            next(frames)
        assert read == expected


def test_never_more_than_a_batch_of_landmarks_and_frames_is_kept(head):
    alive: list[weakref.ref] = []

    class Counted(np.ndarray):
        pass

    def stream():
        for face in itertools.islice(itertools.cycle(faces(4)), 24):
            counted = face.view(Counted)
            alive.append(weakref.ref(counted))
            yield counted

    for _ in animate(PreparedHead(head, SIZE), stream(), batch_size=4):
        assert sum(holder() is not None for holder in alive) <= 5
    assert len(alive) == 24


def test_frames_do_not_depend_on_the_batch_size(head):
    points = faces(10)
    one, four, all_at_once = (
        np.stack(list(animate(PreparedHead(head, SIZE), points, size))) for size in (1, 4, 16)
    )
    assert one.shape == (10, SIZE, SIZE, 3)
    assert one.dtype == np.uint8
    assert one.std() > 10, "frames of one colour would agree anyway"
    for other in (four, all_at_once):  # rounding may differ between kernels
        assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize(
    ("precision", "tolerance"), [(torch.float32, 1), (torch.bfloat16, 40)], ids=str
)
def test_frames_are_those_of_the_head_and_the_head_stays_as_it_was(head, precision, tolerance):
    points = faces(2)
    before = {key: value.clone() for key, value in head.state_dict().items()}
    ready = PreparedHead(head, SIZE, precision=precision)
    frames = [np.stack(list(animate(ready, points))) for _ in range(2)]
    drawn = np.stack([draw_landmarks(face, SIZE) for face in points])
    expected = head.draw(normalize(frame_to_image(drawn)))
    expected = np.moveaxis(((expected + 1) * 127.5).round().numpy(), 1, -1)
    assert np.abs(frames[0] - expected).mean() <= tolerance / 4
    assert np.abs(frames[0] - expected).max() <= tolerance
    assert (frames[0] == frames[1]).all()
    assert head.training
    after = head.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_no_gradient_mode_or_autocast_leaks_between_two_frames(head):
    frames = animate(PreparedHead(head, SIZE, precision=torch.bfloat16), faces(4), batch_size=2)
    next(frames)
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")
    assert head.style.requires_grad


def test_careless_arguments_are_named(head):
    ready = PreparedHead(head, SIZE)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        animate(ready, faces(1), batch_size=0)
    with pytest.raises(ValueError, match="finite"):
        next(animate(ready, np.full((1, 68, 2), np.nan)))
    with pytest.raises(ValueError, match="68"):
        next(animate(ready, np.zeros((1, 5, 2))))


def test_p18_a_marked_corner_survives_from_file_to_saved_frame(tmp_path):
    class Identity(nn.Module):
        style_size = 1

        def forward(self, landmarks, style):
            return landmarks

    # The mark: a closed eye in the upper left, everything else far below.
    points = np.full((68, 2), 240.0, np.float32)
    points[36:42] = [20, 36]
    (frame,) = PreparedHead(PersonalGenerator(Identity(), torch.zeros(1, 1)), 256)([points])
    write_image(tmp_path / "drawn.png", frame)
    saved = read_image(tmp_path / "drawn.png")
    assert (saved == draw_landmarks(points, 256)).all()
    assert saved[36, 20].tolist() == [255, 0, 255]
    assert saved[20, 36].tolist() == [0, 0, 0]


def test_a_person_is_the_mean_of_the_embedded_pictures_whatever_the_batch():
    torch.manual_seed(0)
    embedder = Embedder(image_size=SIZE, channels=8, max_channels=32)
    generator = Generator(image_size=SIZE, channels=8, max_channels=32, embedding_size=32)
    images, drawn = torch.randint(0, 256, (2, 5, 3, SIZE, SIZE), dtype=torch.uint8)
    heads = [embed_person(embedder, generator, images, drawn, size) for size in (1, 2, 8)]
    embedder.eval()
    generator.eval()
    with torch.no_grad():
        mean = embedder.embed_video(normalize(images)[None], normalize(drawn)[None])
        expected = generator.project(mean)
    for head in heads:
        assert torch.allclose(head.style, expected, atol=1e-5)
        assert head.generator is generator
        assert not head.training
