"""Animate a person with the motion of a driving video.

python infer.py --checkpoint heads/me.pt --driving speech.mp4 --output me.mp4
python infer.py --checkpoint runs/vox --source photos/ --driving speech.mp4 --output me.mp4
"""

import system.waiting  # noqa: F401 - sets how PyTorch's threads wait

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

import cli
from config import Infer
from dataset.detection.stored import beside
from dataset.kinds_of_files import PHOTO_SUFFIXES
from dataset.preparation.person import inputs_of_person
from dataset.video.writing import WRITABLE, VideoWriter
from inference.driving import LANDMARKS_FILE, is_camera
from inference.window import Window, has_display
from system.files import remove_stale
from system.outputs import Input, prepare_file, prepare_folder
from system.progress import progress_bar
from talking_head.animation import Animation
from talking_head.drawing import DrawingHead
from talking_head.finishing import Finish, alone, in_driver, in_picture, side_by_side
from talking_head.live import follow
from talking_head.onnx import ONNX, OnnxHead
from talking_head.onnx_model import OnnxModel
from training.inputs import inputs_of_checkpoint


def main() -> None:
    config = cli.parse(Infer, "infer.py")
    _check(config, WRITABLE)
    head = _load(config)
    animation = head.animate(
        config.driving, motion=config.motion, smooth=config.smooth, detector=config.detector,
        face=config.face, crop=config.crop, fps=config.fps, seconds=config.seconds,
        batch_size=config.batch_size,
    )  # fmt: skip
    finish = _finish(config, head)
    if is_camera(config.driving):
        _follow_camera(config, animation, finish)
    else:
        _write(config, animation, finish)


def _write(config: Infer, animation: Animation, finish: Finish) -> None:
    """Write the whole animation, and say what it was made of."""
    driving = animation.driving
    started = time.monotonic()
    with (
        VideoWriter(config.output, animation.fps, driving.sound) as writer,
        progress_bar(desc="animating", unit="frame", total=animation.length) as bar,
    ):
        for moment in animation.moments():
            writer.write(finish(moment), moment.driver.repeats)
            bar.update(moment.driver.repeats)
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


def _follow_camera(config: Infer, animation: Animation, finish: Finish) -> None:
    """Show what is drawn of a camera's motion, or write it, or both."""
    with contextlib.ExitStack() as stack:
        show, record = (lambda picture, line: True), (lambda picture, times: None)
        if config.output is not None:
            record = stack.enter_context(VideoWriter(config.output, animation.fps)).write
        if has_display():
            show = stack.enter_context(Window("talking head (q or Escape ends)")).show
        pace = follow(animation, finish, show, record)
    where = "" if config.output is None else f"{config.output}: "
    print(
        f"{where}{pace.frames} frames, {pace.fps:.1f} frames/s, {1e3 * pace.delay:.0f} ms from "
        f"camera to picture, {pace.dropped} frames of the camera dropped"
    )


def _check(config: Infer, suffixes: Sequence[str]) -> None:
    """Refuse what cannot work before anything is loaded; `suffixes` can be written."""
    live = is_camera(config.driving)
    for name in ("checkpoint", "driving", "source", "paste_back"):
        path = getattr(config, name)
        if isinstance(path, Path) and not path.exists() and not (live and name == "driving"):
            raise FileNotFoundError(f"--{name.replace('_', '-')} {path} does not exist")
    inputs = inputs_of_checkpoint(config.checkpoint)
    inputs += inputs_of_person(config.source) if config.source else []
    if not live:
        inputs += [Input("--driving", config.driving, PHOTO_SUFFIXES)]
        inputs += [Input(f"{name.name} beside --driving", name) for name in beside(config.driving)]
    if isinstance(config.paste_back, Path):
        inputs += [Input("--paste-back", config.paste_back)]
    if config.seconds is not None and not live:
        raise ValueError("--seconds is for a camera, --driving 0")
    if config.output is None:
        if not live:
            raise ValueError("--output is needed: only a camera's motion is shown in a window")
        if not has_display():
            raise ValueError("--output is needed: there is no display to show a window on")
        _check_paste_back(config)
        return
    if config.output.suffix:
        prepare_file(config.output, inputs, suffixes)
    else:
        prepare_folder(config.output, inputs, ["*"], begun=lambda folder: False)
        remove_stale(config.output.parent, below=False)
    VideoWriter(config.output, 25.0 if config.fps is None else config.fps)  # judges both
    _check_paste_back(config)


def _check_paste_back(config: Infer) -> None:
    """Refuse ways to show the result that exclude each other."""
    if config.paste_back and config.side_by_side:
        raise ValueError("--paste-back and --side-by-side cannot be had at once")
    if config.paste_back == "driver" and config.driving.suffix.lower() == LANDMARKS_FILE:
        raise ValueError(f"--paste-back driver needs a driver's frames, {config.driving} has none")


def _load(config: Infer) -> DrawingHead:
    """Load the head, or make it from pictures of --source."""
    if config.checkpoint.suffix == ONNX:
        if config.source is None:
            return OnnxHead(config.checkpoint, config.runtime.threads)
        return OnnxModel(config.checkpoint, config.runtime.threads).from_pictures(
            config.source, shots=config.shots, detector=config.detector, face=config.face,
            crop=config.crop, batch_size=config.batch_size,
        )  # fmt: skip
    # With PyTorch, which files of ONNX do without.
    from system.device import prepare_process, resolve_device
    from talking_head.head import TalkingHead
    from training.checkpoint import is_head

    prepare_process(resolve_device(config.runtime.device), config.runtime.threads)
    where = {"device": config.runtime.device, "precision": config.runtime.precision}
    if is_head(config.checkpoint):
        if config.source is not None:
            raise ValueError(
                f"{config.checkpoint} is a head, which knows its person: --source is for a run"
            )
        return TalkingHead.load(config.checkpoint, **where)
    if config.source is None:
        raise ValueError(
            f"{config.checkpoint} is a run, which knows no person: give pictures of one with "
            "--source, or a head of train.py finetune"
        )
    return TalkingHead.from_pictures(
        config.checkpoint, config.source, shots=config.shots, aside=0, detector=config.detector,
        face=config.face, crop=config.crop, batch_size=config.batch_size, **where,
    )  # fmt: skip


def _finish(config: Infer, head: DrawingHead) -> Finish:
    """Return what becomes of each result."""
    if config.side_by_side:
        return side_by_side
    if config.paste_back is None:
        return alone
    if config.paste_back == "driver":
        return in_driver
    return in_picture(head, config.paste_back, config.detector, config.face, config.crop)


if __name__ == "__main__":
    cli.run(main)
