"""A person's head: made from pictures, fine-tuned on them, drawn, and kept in a file."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dataset.detection.detector import Which
from dataset.images import frame_to_image, normalize
from dataset.preparation.person import PersonFrames
from inference.prepared import PreparedHead, embed_person
from loss.content import load_content_loss_of, with_content
from system.device import resolve_device, resolve_precision
from talking_head.drawing import DETECTOR, DrawingHead
from talking_head.pictures import Model, Pictures, frames_for
from training.checkpoint import Head, load, load_head, load_models, save_head
from training.finetuning import AUTO, Learning, content_error, finetune, initial_person, paper_steps
from training.hardware import Hardware
from training.provenance import detectors_of
from training.steps import term_weights

ASIDE = 32

Progress = Callable[[int, int | None], bool | None]
"""Called with the steps done and their number, which auto does not know; True ends the learning."""


class Learnt(NamedTuple):
    """What fine-tuning has brought."""

    steps: int
    pictures: int
    """Learnt from."""
    aside: int
    """Not learnt from, but judged by."""
    before: dict[str, float]
    """Content loss on those, by its terms; empty where there are none."""
    after: dict[str, float]


class _Origin(NamedTuple):
    """What a head was made from, and can be learnt with."""

    payload: Mapping[str, Any]
    person: PersonFrames
    shots: int
    batch_size: int
    """Pictures embedded at once."""
    read: Callable[[Pictures], PersonFrames]
    """Reads other pictures as these were read."""


class TalkingHead(DrawingHead):
    """One person's head; see the package for an example.

    It is made by `from_pictures` or `load`. Pictures are what `talking_head.pictures` takes.
    """

    def __init__(
        self, head: Head | None, name: str, hardware: Hardware, origin: _Origin | None = None
    ):
        self._made, self._name, self._hardware, self._origin = head, name, hardware, origin
        self.device, self._prepared = str(hardware.device), None

    @classmethod
    def load(
        cls, path: str | Path, *, device: str = "auto", precision: str = "auto"
    ) -> "TalkingHead":
        """Load a head of `save` or of `train.py finetune`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no head, or damaged.
        """
        return cls(load_head(Path(path)), str(path), _hardware(device, precision))

    @classmethod
    def from_pictures(
        cls,
        model: str | Path,
        pictures: Pictures,
        *,
        shots: int = 32,
        aside: int = ASIDE,
        detector: str = DETECTOR,
        face: Which = "largest",
        crop: str = "auto",
        batch_size: int = 8,
        seed: int = 0,
        device: str = "auto",
        precision: str = "auto",
    ) -> "TalkingHead":
        """Make a head from pictures without any learning: the paper's feed-forward answer.

        Args:
            model: a run or an exported model of train.py.
            pictures: of the person.
            shots: T, at most this many are used.
            aside: at most so many further ones are kept to judge by what is learnt.
            detector: dlib, face-alignment or stored; finds the landmarks.
            face: which of several faces.
            crop: whole, face or auto.
            batch_size: pictures embedded at once.
            seed: chooses the pictures of a film.

        Raises:
            FileNotFoundError: a file is not there.
            ValueError: it is no model, or the pictures show no face.
        """
        hardware, name = _hardware(device, precision), str(model)
        payload = load(Path(model), "run", "model")
        config = payload["config"]
        size, place = config["networks"]["image_size"], str(hardware.device)
        read = partial(
            frames_for, Model(name, size, detectors_of(config), place), limit=shots + aside,
            detector=detector, face=face, crop=crop, seed=seed,
        )  # fmt: skip
        return cls(None, name, hardware, _Origin(payload, read(pictures), shots, batch_size, read))

    @property
    def _head(self) -> Head:
        """The head as it is by now; fine-tuning at once spares the feed-forward one."""
        if self._made is None:
            payload, person, shots, batch_size, _ = self._origin
            known = _first(person, shots)
            models = load_models(payload, Path(self._name)).to(self._hardware.device)
            images = map(frame_to_image, (known.frames, known.drawn))
            network = embed_person(models.embedder, models.generator, *images, batch_size)
            self._made = Head(network, payload["config"], known.crop, known.landmarks)
        return self._made

    def finetune(
        self,
        pictures: Pictures | None = None,
        *,
        steps: int | str | None = None,
        batch_size: int = 8,
        generator_lr: float | None = None,
        discriminator_lr: float | None = None,
        identity_rescale: float = 2.0,
        content: str | None = None,
        vgg19: str | Path | None = None,
        vggface: str | Path | None = None,
        seed: int = 0,
        progress: bool | Progress = False,
    ) -> Learnt:
        """Learn the person from pictures (Sec. 3.3 of the paper); it begins anew each time.

        Args:
            pictures: of the person, instead of what it was made from; None: the same as before.
            steps: generator updates; None: the paper's 40 epochs; auto: as many as help.
            batch_size: pictures per step.
            generator_lr, discriminator_lr: learning rates; None: as in meta-learning.
            identity_rescale: see `initial_person`.
            content: vgg, l1 or vgg+l1; None: as in meta-learning.
            vgg19, vggface: weights, where they lie elsewhere than in meta-learning.
            seed: draws the order of the pictures.
            progress: True: a bar on the terminal; a function: see `Progress`.

        Raises:
            FileNotFoundError: a picture is not there.
            ValueError: the head was loaded from a file, which has no discriminator to learn with;
                or the pictures show no face; or weights of the content loss cannot be had.
            FloatingPointError: a loss is not finite.
        """
        if self._origin is None:
            raise ValueError("a head that was loaded cannot learn: make it with from_pictures")
        origin = self._origin
        if pictures is not None:
            origin = origin._replace(person=origin.read(pictures))
        payload, person, shots, *_ = origin
        config = with_content(payload["config"], content)
        device = self._hardware.device
        content_loss = load_content_loss_of(
            config, vgg19 and Path(vgg19), vggface and Path(vggface)
        ).place(device, self._hardware.dtype)
        known = _first(person, shots)
        shown, aside = _tensors(known, device), _tensors(_rest(person, shots), device)
        models = load_models(payload, Path(self._name)).to(device)
        learner = initial_person(models, *shown, payload["mean_row_norm"], identity_rescale)
        judge = partial(content_error, learner.head, *aside, content_loss, self._hardware)
        before = judge() if len(aside[0]) else {}
        learning = Learning.as_trained(config["optimization"], steps, batch_size, seed)
        rates = {"generator_lr": generator_lr, "discriminator_lr": discriminator_lr}
        learning = learning._replace(**{k: rate for k, rate in rates.items() if rate is not None})
        total = paper_steps(len(shown[0])) if steps is None else None if steps == AUTO else steps
        done = finetune(
            learner, *shown, content_loss, term_weights(config["weights"]), learning,
            self._hardware, progress is True,
            (lambda step: progress(step, total)) if callable(progress) else None,
        )  # fmt: skip
        after = judge() if before else {}
        self._made = Head(learner.head, config, known.crop, known.landmarks, person.detector)
        self._origin, self._prepared = origin, None
        return Learnt(done, len(shown[0]), len(aside[0]), before, after)

    def save(self, path: str | Path) -> None:
        """Write the head, to be loaded here or by infer.py; the file appears whole."""
        save_head(self._head, Path(path))

    def _prepare(self) -> PreparedHead:
        device, precision = self._hardware.device, self._hardware.dtype
        return PreparedHead(self._head.network, self.image_size, device, precision)


def _hardware(device: str, precision: str) -> Hardware:
    place = resolve_device(device)
    return Hardware(place, resolve_precision(precision, place))


def _first(person: PersonFrames, shots: int) -> PersonFrames:
    """Take the first pictures, which are learnt from."""
    return _part(person, slice(shots))


def _rest(person: PersonFrames, shots: int) -> PersonFrames:
    """Take the others, which are judged by."""
    return _part(person, slice(shots, None))


def _part(person: PersonFrames, which: slice) -> PersonFrames:
    frames, drawn, landmarks = (part[which] for part in person[:3])
    return person._replace(frames=frames, drawn=drawn, landmarks=landmarks)


def _tensors(person: PersonFrames, device: torch.device) -> tuple[Tensor, Tensor]:
    """Bring images and landmark images to the device, in [-1, 1]."""
    images, drawn = (frame_to_image(part).to(device) for part in (person.frames, person.drawn))
    return normalize(images), normalize(drawn)
