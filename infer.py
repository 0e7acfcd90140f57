"""Animate a person with the motion of a driving video.

python infer.py --checkpoint heads/me.pt --driving speech.mp4 --output me.mp4
python infer.py --checkpoint runs/vox --source photos/ --driving speech.mp4 --output me.mp4
"""

import system.waiting  # noqa: F401 - sets how PyTorch's threads wait

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

import cli
from config import Infer
from dataset.detection.detector import LandmarkDetector
from dataset.detection.kinds import create_detector
from dataset.detection.stored import StoredLandmarks, beside
from dataset.kinds_of_files import PHOTO_SUFFIXES
from dataset.landmarks import draw_landmarks
from dataset.preparation.person import PICKLE, inputs_of_person, load_person
from dataset.video.writing import WRITABLE, VideoWriter
from inference.animate import animate, embed_person
from inference.driver import DrivingFrame
from inference.driving import LANDMARKS_FILE, open_driving
from inference.paste import find_place, paste_back, place_in
from inference.retarget import MOTIONS
from inference.smoothing import smoothed
from system.device import resolve_device, resolve_precision, set_threads
from system.files import remove_stale
from system.outputs import Input, prepare_file, prepare_folder
from system.progress import progress_bar
from training.checkpoint import Head, inputs_of_checkpoint, is_head, load_feed_forward, load_head
from training.provenance import detectors_of, warn_of_other_detectors

Item = TypeVar("Item")
Finish = Callable[[DrivingFrame, np.ndarray, np.ndarray], np.ndarray]
"""From a moment of the driver, the landmarks drawn, and the result to what is written."""


def main() -> None:
    config = cli.parse(Infer, "infer.py")
    _check(config, WRITABLE)
    set_threads(config.runtime.threads)
    device = resolve_device(config.runtime.device)
    head = _load(config, device)
    detector = _detector(config, config.driving, device)
    crop = head.crop if config.crop == "auto" else config.crop
    driving = open_driving(config.driving, detector, crop, head.image_size, config.fps)
    found_by = detector.name if detector else StoredLandmarks.name
    warn_of_other_detectors(
        f"--driving {config.driving}", [found_by], config.checkpoint, head.detectors
    )
    finish = _finish(config, crop, device)
    started = time.monotonic()
    with (
        VideoWriter(config.output, driving.fps, driving.sound) as writer,
        progress_bar(desc="animating", unit="frame", total=driving.length) as bar,
    ):
        moments = smoothed(driving, config.smooth, driving.fps)
        for frame, repeats in _frames(config, head, moments, device, finish):
            writer.write(frame, repeats)
            bar.update(repeats)
    if driving.read < driving.stated:
        print(
            f"{config.driving}: it ends after {driving.read} of {driving.stated} frames; "
            "is it damaged?"
        )
    if driving.missing:
        print(
            f"{config.driving}: no face in {driving.missing} of {driving.read} frames; "
            "there the face before is held"
        )
    rate = bar.n / (time.monotonic() - started)
    print(f"{config.output}: {bar.n} frames, {rate:.1f} frames/s")


def _check(config: Infer, suffixes: Sequence[str]) -> None:
    """Refuse what cannot work before anything is loaded; `suffixes` can be written."""
    for name in ("checkpoint", "driving", "source", "paste_back"):
        path = getattr(config, name)
        if isinstance(path, Path) and not path.exists():
            raise FileNotFoundError(f"--{name.replace('_', '-')} {path} does not exist")
    inputs = inputs_of_checkpoint(config.checkpoint)
    inputs += inputs_of_person(config.source) if config.source else []
    inputs += [Input("--driving", config.driving, PHOTO_SUFFIXES)]
    inputs += [Input(f"{name.name} beside --driving", name) for name in beside(config.driving)]
    if isinstance(config.paste_back, Path):
        inputs += [Input("--paste-back", config.paste_back)]
    if config.output.suffix:
        prepare_file(config.output, inputs, suffixes)
    else:
        prepare_folder(config.output, inputs, ["*"], begun=lambda folder: False)
        remove_stale(config.output.parent, below=False)
    VideoWriter(config.output, 25.0 if config.fps is None else config.fps)  # judges both
    if config.paste_back and config.side_by_side:
        raise ValueError("--paste-back and --side-by-side cannot be had at once")
    if config.paste_back == "driver" and config.driving.suffix.lower() == LANDMARKS_FILE:
        raise ValueError(f"--paste-back driver needs a driver's frames, {config.driving} has none")


def _load(config: Infer, device: torch.device) -> Head:
    """Load the head, or make it from pictures of --source."""
    if is_head(config.checkpoint):
        if config.source is not None:
            raise ValueError(
                f"{config.checkpoint} is a head, which knows its person: --source is for a run"
            )
        return load_head(config.checkpoint)
    if config.source is None:
        raise ValueError(
            f"{config.checkpoint} is a run, which knows no person: give pictures of one with "
            "--source, or a head of train.py finetune"
        )
    embedder, generator, trained = load_feed_forward(config.checkpoint)
    size = trained["networks"]["image_size"]
    detector = _detector(config, config.source, device)
    person = load_person(config.source, detector, config.crop, size, config.shots)
    warn_of_other_detectors(
        f"--source {config.source}", [person.detector], config.checkpoint, detectors_of(trained)
    )
    network = embed_person(
        embedder.to(device), generator.to(device), person.images, person.landmark_images,
        config.batch_size,
    )  # fmt: skip
    return Head(network, trained, person.crop, person.landmarks)


def _detector(config: Infer, path: Path, device: torch.device) -> LandmarkDetector | None:
    """Make the detector, unless `path` brings its landmarks along."""
    if path.suffix.lower() in (PICKLE, LANDMARKS_FILE):
        return None
    return create_detector(config.detector, str(device), face=config.face)


def _finish(config: Infer, crop: str, device: torch.device) -> Finish:
    """Return what becomes of each result: alone, beside its driver, or in a whole picture."""
    if config.side_by_side:
        return _side_by_side
    if config.paste_back is None:
        return lambda moment, points, result: result
    if config.paste_back == "driver":
        return lambda moment, points, result: paste_back(result, place_in(moment.whole, moment.box))
    detector = create_detector(config.detector, str(device), face=config.face)
    place = find_place(config.paste_back, detector, crop)
    return lambda moment, points, result: paste_back(result, place)


def _frames(
    config: Infer,
    head: Head,
    driving: Iterable[DrivingFrame],
    device: torch.device,
    finish: Finish,
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield what is written, and how often."""
    moments: deque[DrivingFrame] = deque()
    drawn: deque[np.ndarray] = deque()
    landmarks: Iterable[np.ndarray] = (moment.landmarks for moment in _noted(driving, moments))
    if config.motion != "absolute":
        landmarks = MOTIONS[config.motion](landmarks, head.landmarks)
    precision = resolve_precision(config.runtime.precision, device)
    landmarks = _noted(landmarks, drawn)
    size = head.image_size
    for result in animate(head.network, landmarks, size, config.batch_size, device, precision):
        moment, points = moments.popleft(), drawn.popleft()
        yield finish(moment, points, result), moment.repeats


def _noted(items: Iterable[Item], notes: deque[Item]) -> Iterator[Item]:
    """Pass items on and note them, for the one who gets the batch's results later."""
    for item in items:
        notes.append(item)
        yield item


def _side_by_side(moment: DrivingFrame, points: np.ndarray, result: np.ndarray) -> np.ndarray:
    panels = [draw_landmarks(points, len(result)), result]
    if moment.frame is not None:
        panels.insert(0, moment.frame)
    return np.concatenate(panels, axis=1)


if __name__ == "__main__":
    cli.run(main)
