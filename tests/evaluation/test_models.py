"""The models that are compared, and how they learn a stranger."""

import copy
from collections import Counter

import pytest
import torch
from torch import nn

from dataset.images import normalize
from evaluation import models
from evaluation.models import draw, load_contestant, to_device
from evaluation.protocol import read_subject
from loss.content import ContentLoss
from network.personal_generator import PersonalGenerator
from network.spectral_norm import spectral_norms
from tests.evaluation.conftest import HARDWARE
from tests.runs import load_feed_forward
from training.checkpoint import (
    Head,
    load,
    load_models,
    save,
    save_head,
    save_model,
)
from training.hardware import Hardware
from training.models import build_models


@pytest.fixture(scope="module")
def one(strangers):
    return read_subject(strangers, "id00050/video000", 64, shots=3, held_out=3, seed=0)


def no_content(_):
    return ContentLoss()


def test_a_contestant_knows_its_run(contestant, trained, data):
    assert contestant.name == str(trained)
    assert contestant.image_size == 64
    assert contestant.seen == (data / "videos.txt").read_text().split()
    newest = trained / "checkpoints" / "00000004.pt"
    assert load_contestant(newest, no_content, HARDWARE).digest == contestant.digest


def test_an_exported_model_is_a_contestant_that_draws_almost_like_its_run(
    contestant, trained, one, tmp_path
):
    save_model(load(trained, "run"), tmp_path / "model.pt")
    exported = load_contestant(tmp_path / "model.pt", no_content, HARDWARE)
    assert exported.seen == contestant.seen
    both = [
        draw(model.meet(one.known, HARDWARE).head, one.held_out.landmark_images, 8, HARDWARE)
        for model in (contestant, exported)
    ]
    assert 0 < (both[0] - both[1]).abs().max() < 0.02


def test_the_content_loss_is_made_of_the_configuration_in_training(trained):
    asked = []

    def content(config):
        asked.append(config)
        return ContentLoss()

    load_contestant(trained, content, HARDWARE)
    assert [config["content"] for config in asked] == ["l1"]


def test_other_content_for_fine_tuning_gives_another_digest(trained, contestant):
    asked = []

    def load_content(config):
        asked.append(config["content"])
        return ContentLoss()

    other = load_contestant(trained, load_content, HARDWARE, "vgg+l1")
    assert asked == ["vgg+l1"]
    assert other.digest != contestant.digest


@pytest.mark.parametrize("part", ["embedder", "generator", "discriminator"])
def test_another_weight_of_any_network_gives_another_digest(trained, contestant, tmp_path, part):
    payload = copy.deepcopy(load(trained, "run"))
    states = payload["networks" if part == "discriminator" else "average"]
    name = next(name for name, value in states[part].items() if value.is_floating_point())
    states[part][name].flatten()[0] += 1e-3
    save(payload, tmp_path / "other.pt")
    assert load_contestant(tmp_path / "other.pt", no_content, HARDWARE).digest != contestant.digest


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"mean_row_norm": 5.0}, False),
        ({"optimizers": {}}, True),
        ({"step": 77}, True),
        ({"optimization": {"generator_lr": 0.5}}, False),
        ({"weights": {"adversarial_weight": 7.0}}, False),
    ],
)
def test_the_digest_is_of_all_that_answers_depend_on(trained, contestant, tmp_path, change, same):
    payload = copy.deepcopy(load(trained, "run"))
    for name, value in change.items():
        if name in payload["config"]:
            payload["config"][name].update(value)
        else:
            payload[name] = value
    save(payload, tmp_path / "other.pt")
    other = load_contestant(tmp_path / "other.pt", no_content, HARDWARE)
    assert (other.digest == contestant.digest) == same


def test_the_digest_is_also_of_the_networks_that_it_learns_by(trained, contestant):
    def digest(**networks):
        return load_contestant(trained, lambda _: ContentLoss(**networks), HARDWARE).digest

    one, other = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)
    digests = [contestant.digest, digest(vgg19=one), digest(vgg19=other), digest(dlib=one)]
    assert len(set(digests)) == 4
    assert digest(vgg19=one) == digests[1]


def test_what_is_no_run_is_refused(trained, tmp_path, contestant, one):
    person = contestant.meet(one.known, HARDWARE)
    save_head(
        Head(person.head, contestant.payload["config"], "whole", one.known.landmarks),
        tmp_path / "head.pt",
    )
    with pytest.raises(ValueError, match=r"head.pt must be a run"):
        load_contestant(tmp_path / "head.pt", no_content, HARDWARE)
    with pytest.raises(FileNotFoundError, match="no checkpoint in"):
        load_contestant(tmp_path, no_content, HARDWARE)


def test_a_met_person_is_the_feed_forward_answer(contestant, trained, one):
    embedder, generator, _ = load_feed_forward(trained)
    person = contestant.meet(one.known.first(2), HARDWARE)
    images, landmarks = to_device(one.known.first(2), HARDWARE)
    with torch.no_grad():
        style = generator.project(embedder.embed_video(images[None], landmarks[None]))
    torch.testing.assert_close(person.head.style.data, style, atol=1e-5, rtol=1e-5)
    expected = PersonalGenerator(generator, style).draw(normalize(one.held_out.landmark_images))
    drawn = draw(person.head, one.held_out.landmark_images, 8, HARDWARE)
    torch.testing.assert_close(drawn, expected, atol=1e-4, rtol=0)
    assert person.head.training


@pytest.mark.parametrize("norm", [1e3, 1e-3])
def test_a_met_persons_row_of_w_begins_as_the_embedding_or_as_long_as_the_others(
    contestant, one, norm
):
    known = contestant._replace(payload={**contestant.payload, "mean_row_norm": norm})
    person = known.meet(one.known, HARDWARE)
    networks = load_models(contestant.payload, "run")
    networks.discriminator.eval()
    images, landmarks = to_device(one.known, HARDWARE)
    with torch.no_grad():
        row = networks.embedder.eval().embed_video(images[None], landmarks[None])
        row = row if norm > 1 else row * norm / row.norm()
        expected = networks.discriminator.identity(row)
    torch.testing.assert_close(person.identity.data, expected, atol=1e-5, rtol=1e-4)


def test_meeting_another_person_begins_afresh(contestant, one):
    first = contestant.meet(one.known, HARDWARE)
    contestant.study(first, one.known, 1, 0, HARDWARE)
    second = contestant.meet(one.known, HARDWARE)
    before = draw(contestant.meet(one.known, HARDWARE).head, one.known.landmark_images, 8, HARDWARE)
    assert torch.equal(draw(second.head, one.known.landmark_images, 8, HARDWARE), before)
    assert not torch.equal(draw(first.head, one.known.landmark_images, 8, HARDWARE), before)


def test_drawing_in_batches_draws_the_same(contestant, one):
    head = contestant.meet(one.known, HARDWARE).head
    alone, together = (draw(head, one.held_out.landmark_images, n, HARDWARE) for n in (1, 8))
    torch.testing.assert_close(alone, together, atol=1e-3, rtol=0)  # a grey value is 8e-3
    assert together.shape == one.held_out.images.shape
    assert together.abs().max() <= 1
    assert together.dtype == torch.float32
    half = draw(head, one.held_out.landmark_images, 8, Hardware(HARDWARE.device, torch.bfloat16))
    assert half.dtype == torch.float32
    assert 0 < (half - together).abs().mean() < 0.1


def test_drawing_works_out_spectral_norms_once_for_all_batches(one):
    generator = build_models(1, image_size=64, channels=8, max_channels=8).generator
    head = PersonalGenerator(generator, torch.zeros(1, generator.style_size))
    calls = Counter()
    for norm, _ in spectral_norms(head):
        norm.register_forward_hook(lambda norm, *_: calls.update([norm]))
    for _ in range(2):  # and anew when the weights may have moved
        calls.clear()
        draw(head, one.held_out.landmark_images, 1, HARDWARE)
        assert set(calls.values()) == {1}


@pytest.mark.parametrize("steps", [None, 7, "auto"])
def test_a_person_is_studied_as_the_run_was_trained(contestant, one, monkeypatch, steps):
    calls = []

    def fit(person, images, landmarks, content, weights, learning, hardware, **options):
        calls.append((person, images, landmarks, content, weights, learning, options))
        return 33

    monkeypatch.setattr(models, "finetune", fit)
    person = contestant.meet(one.known, HARDWARE)
    assert contestant.study(person, one.known, steps, 11, HARDWARE, print) == 33
    ((who, images, landmarks, content, weights, learning, options),) = calls
    assert who is person
    assert torch.equal(images, normalize(one.known.images))
    assert torch.equal(landmarks, normalize(one.known.landmark_images))
    assert content is contestant.content_loss
    trained = contestant.payload["config"]
    assert (learning.steps, learning.batch_size, learning.seed) == (steps, 8, 11)
    assert learning.generator_lr == trained["optimization"]["generator_lr"]
    assert weights["adversarial"] == trained["weights"]["adversarial_weight"]
    assert options == {"progress": False, "after_step": print}


def test_by_default_a_person_is_studied_for_the_papers_40_epochs(contestant, one, monkeypatch):
    asked = []

    def record(task, after_step):
        asked.append(task.learning.steps)
        return task.learning.steps

    monkeypatch.setattr("training.finetuning._learn", record)
    person = contestant.meet(one.known, HARDWARE)
    assert contestant.study(person, one.known, None, 0, HARDWARE) == 40
    assert asked == [40]


def test_fine_tuning_tells_after_every_step_how_many_are_done(contestant, one):
    person = contestant.meet(one.known, HARDWARE)
    told, styles = [], []

    def after_step(step):
        told.append(step)
        styles.append(person.head.style.detach().clone())

    assert contestant.study(person, one.known, 3, 0, HARDWARE, after_step) == 3
    assert told == [1, 2, 3]
    assert torch.equal(styles[-1], person.head.style)
    assert not torch.equal(styles[0], styles[1])


def test_watching_does_not_change_what_is_learnt(contestant, one):
    heads = []
    for watch in (True, False):
        person = contestant.meet(one.known, HARDWARE)

        def look(_, person=person):
            draw(person.head, one.held_out.landmark_images, 8, HARDWARE)

        contestant.study(person, one.known, 3, 0, HARDWARE, look if watch else None)
        heads.append(person.head.state_dict())
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])
