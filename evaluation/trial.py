"""One video's trial: what baselines and models draw of it, measured."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dataset.images import image_to_frame, normalize
from drawn_heads.set import DrawnSet
from evaluation.measures import Frames, Instruments, mean_likeness, plain, self_reenactment
from evaluation.models import Contestant, draw
from evaluation.protocol import Pictures, Subject
from evaluation.reenactment import Reenactment
from network.personal_generator import PersonalGenerator
from training.hardware import Hardware

COPY, MEAN, FEED_FORWARD, FINE_TUNED = "copy nearest", "mean frame", "feed-forward", "fine-tuned"
CURVE = (0, 5, 10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640)  # steps at which it is measured
SHOWN_SOURCES = 3


class Settings(NamedTuple):
    """How every video is tried."""

    shots: tuple[int, ...]
    """T, ascending."""
    finetune_steps: int | str | None
    """None: the paper's; auto; 0: no fine-tuning."""
    drawn: DrawnSet | None
    """Where the true answer to another one's motion can be drawn."""
    batch_size: int
    """Frames drawn and measured at once."""
    seed: int


class Result(NamedTuple):
    """What was measured of one video, as plain values."""

    rows: list[dict[str, Any]]
    """Own motion: shots, method, scores."""
    cross: list[dict[str, Any]]
    """Another one's motion: shots, method, motion, scores."""
    curve: list[dict[str, Any]]
    """While fine-tuning: shots, step, scores of pixels."""
    features: dict[str, np.ndarray]
    """Inception's, (F, 2048) float32: "8 feed-forward", or "truth"."""
    strips: dict[str, dict[str, np.ndarray]]
    """Pictures (H, W, 3) uint8 of one moment, by title: of "self", and of "cross"."""


class Trial:
    """A video and what measures it; every call gives a result of its own.

    Args:
        subject: frames to learn from, and to be judged on.
        settings, instruments, hardware: see there.
    """

    def __init__(
        self, subject: Subject, settings: Settings, instruments: Instruments, hardware: Hardware
    ):
        self.subject, self.settings = subject, settings
        self.instruments, self.hardware = instruments, hardware
        self.truth = self._frames(_images(subject.held_out, hardware), subject.held_out.landmarks)

    def of_baselines(self) -> Result:
        """Measure what needs no model: the nearest of the T frames, and their mean."""
        result = Result([], [], [], {}, {})
        for shots in self.settings.shots:
            known = self.subject.known.first(shots)
            images = _images(known, self.hardware)
            mean = images.mean(dim=0, keepdim=True).expand_as(self.truth.images)
            self._note(result, shots, COPY, images[self._nearest(known)[1]])
            self._note(result, shots, MEAN, mean)
        if self.instruments.inception is not None:
            result.features["truth"] = self.truth.features.numpy()
        return result

    def of(self, contestant: Contestant, driver: Subject | None) -> Result:
        """Measure what a model draws of the stranger, without and with fine-tuning.

        Args:
            driver: another person, whose motion is tried with the largest T; None: nobody's.
        """
        result = Result([], [], [], {}, {})
        outputs: dict[str, Tensor] = {}
        stage = driver and Reenactment(
            self.subject, driver, self.settings.drawn, self._frames, self.hardware.device
        )
        for shots in self.settings.shots:
            for method, head in self._heads(contestant, shots, result):
                output = self._draw(head, self.subject.held_out.landmark_images)
                self._note(result, shots, method, output)
                outputs[f"{method} T = {shots}"] = output
                if stage and shots == max(self.settings.shots):
                    self._try_motion(stage, head, method, result)
        result.strips["self"] = self._strip(outputs)
        return result

    def _heads(
        self, contestant: Contestant, shots: int, result: Result
    ) -> Iterator[tuple[str, PersonalGenerator]]:
        """Yield the feed-forward head, then the same one fine-tuned, whose curve is noted."""
        known = self.subject.known.first(shots)
        person = contestant.meet(known, self.hardware)
        yield FEED_FORWARD, person.head
        if self.settings.finetune_steps == 0:
            return

        def after_step(step: int) -> None:
            if step in CURVE:
                output = self._draw(person.head, self.subject.held_out.landmark_images)
                frames = self._frames(output, self.truth.landmarks)
                means = plain(mean_likeness(frames, self.truth))
                result.curve.append({"shots": shots, "step": step, "scores": means})

        after_step(0)
        steps, seed = self.settings.finetune_steps, self.settings.seed
        contestant.study(person, known, steps, seed, self.hardware, after_step)
        yield FINE_TUNED, person.head

    def _try_motion(
        self, stage: Reenactment, head: PersonalGenerator, method: str, result: Result
    ) -> None:
        """Draw the person with another one's motion, in every way to hand it on."""
        known, driving = self.subject.known, stage.driver.held_out
        moment = len(driving.frames) // 2
        strip = result.strips.setdefault("cross", {
            "source": image_to_frame(known.images[0]),
            "driver": image_to_frame(driving.images[moment]),
        })  # fmt: skip
        for motion, landmarks in stage.motions.items():
            drawn = stage.draw_landmarks(landmarks)
            images = self._draw(head, drawn)
            scores = stage.score(self._frames(images, landmarks), motion)
            row = {"shots": len(known.frames), "method": method, "motion": motion}
            result.cross.append(row | {"scores": scores})
            strip.setdefault(f"{motion} landmarks", image_to_frame(drawn[moment]))
            strip[f"{motion} {method}"] = image_to_frame(images[moment])
        if stage.truth is not None:
            strip["truth"] = image_to_frame(stage.truth.images[moment])
        order = ["source", "driver", *stage.motions, "truth"]
        result.strips["cross"] = {
            title: strip[title] for title in sorted(strip, key=lambda t: order.index(t.split()[0]))
        }

    def _strip(self, outputs: dict[str, Tensor]) -> dict[str, np.ndarray]:
        """Lay out a moment that the known pictures show neither best nor worst, for any model."""
        known, held_out = self.subject.known, self.subject.held_out
        distances, nearest_ones = self._nearest(known)
        moment = int(distances.argsort()[len(distances) // 2])
        nearest = int(nearest_ones[moment])
        sources = known.images[: min(SHOWN_SOURCES, len(known.frames))]
        pictures = {f"source {i}": image for i, image in enumerate(sources, 1)}
        pictures["landmarks"] = held_out.landmark_images[moment]
        pictures[f"nearest of {len(known.frames)}"] = known.images[nearest]
        pictures |= {name: output[moment] for name, output in outputs.items()}
        pictures["truth"] = held_out.images[moment]
        return {name: image_to_frame(image) for name, image in pictures.items()}

    def _note(self, result: Result, shots: int, method: str, images: Tensor) -> None:
        """Measure what was drawn of the hold-out frames."""
        output = self._frames(images, self.truth.landmarks)
        scores = self_reenactment(output, self.truth)
        result.rows.append({"shots": shots, "method": method, "scores": scores})
        if self.instruments.inception is not None:
            result.features[f"{shots} {method}"] = output.features.numpy()

    def _nearest(self, known: Pictures) -> tuple[Tensor, Tensor]:
        """Find for each hold-out frame how far the nearest landmarks of a known one are, and which.

        Returns:
            (F,) pixels, mean over the points; (F,) indices of known frames.
        """
        away = self.subject.held_out.landmarks[:, None] - known.landmarks[None]
        return torch.from_numpy(np.linalg.norm(away, axis=-1).mean(-1)).min(1)

    def _draw(self, head: PersonalGenerator, landmark_images: Tensor) -> Tensor:
        return draw(head, landmark_images, self.settings.batch_size, self.hardware)

    def _frames(self, images: Tensor, landmarks: np.ndarray) -> Frames:
        return Frames(images, landmarks, self.instruments, self.settings.batch_size)


def _images(pictures: Pictures, hardware: Hardware) -> Tensor:
    return normalize(pictures.images.to(hardware.device))
