"""What one visitor of the page has on the desk: pictures, a head, a film of it."""

import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dataset.detection.detector import Which
from dataset.kinds_of_files import is_film
from dataset.video.writing import VideoWriter
from inference.camera import Camera
from page.looking import Seen, look
from system.missing import MissingWeights
from talking_head import Animation, TalkingHead
from talking_head.drawing import SMOOTH_LIVE
from talking_head.finishing import Finish, alone, in_driver, in_picture

MOST_PICTURES = 64  # files
FEWEST_TO_SPARE = 4  # photos, of which one can be kept aside
ASIDE_OF_FILMS = 4  # frames
KEPT = "head.pt"
MADE = "animation.mp4"

PASTE = {"the head alone": "", "in the person's picture": "picture", "in the film": "driver"}

Progress = Callable[[int, int | None], None]
"""Called with what is done, and how much there is."""


class Limits(NamedTuple):
    """What one visitor may ask for."""

    seconds: float
    """Of a film that drives."""
    steps: int
    """Of learning."""


class Computing(NamedTuple):
    """How the page computes, for all visitors."""

    detector: str = "dlib"
    device: str = "auto"
    precision: str = "auto"


class Stopped(Exception):  # noqa: N818, it is no error: the visitor has asked for it
    """The visitor has stopped a job."""


class Desk:
    """A visitor's things, in a folder of their own that goes when the visitor does.

    Args:
        folder: in which a folder is made.
        computing: how.
        limits: how much.

    Attributes:
        head: that was made or opened last.
        token: only the visitor knows it.
    """

    def __init__(self, folder: Path, computing: Computing, limits: Limits):
        self.folder = Path(tempfile.mkdtemp(prefix="desk-", dir=folder))
        self.computing, self.limits = computing, limits
        self.head: TalkingHead | None = None
        self.token = secrets.token_urlsafe()
        self._stop = threading.Event()

    def clear(self) -> None:
        """Stop what runs, and remove everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """End the job that runs, or the next one if none does yet."""
        self._stop.set()

    def ready(self) -> None:
        """Forget that something was stopped, before a new job is asked for."""
        self._stop.clear()

    def look(self, files: Sequence[Path], image_size: int, face: Which) -> list[Seen]:
        """See what pictures of a person show.

        Raises:
            ValueError: they are too many, or no pictures.
        """
        _check_number(files)
        return list(look(files, image_size, self.computing.detector, face))

    def make(
        self, model: Path, files: Sequence[Path], face: Which, steps: int, progress: Progress
    ) -> str:
        """Make a head from pictures, and let it learn.

        Args:
            model: of train.py.
            files: photos and films of the person.
            face: which of several faces.
            steps: of learning; 0: none.
            progress: is told of the steps.

        Returns:
            What has come of it, in Markdown.

        Raises:
            Stopped: before it learnt anything.
            ValueError: the pictures show no face, or it is more than the limits allow.
        """
        if not files:
            raise ValueError("there are no pictures yet: drop some in the first box")
        _check_number(files)
        if steps > self.limits.steps:
            raise ValueError(f"at most {self.limits.steps} steps, got {steps}")
        shots, aside = shares(files)
        self._go_on()
        head = TalkingHead.from_pictures(
            model, list(files), shots=shots, aside=aside, detector=self.computing.detector,
            face=face, **self._where,
        )  # fmt: skip
        words = "Made from the pictures at once, without learning."
        if steps:
            words = self._learn(head, steps, progress)
        self.head = head
        return words

    def _learn(self, head: TalkingHead, steps: int, progress: Progress) -> str:
        def report(step: int, total: int | None) -> bool:
            progress(step, total)
            return self._stop.is_set()

        self._go_on()
        with_other_loss = ""
        try:
            learnt = head.finetune(steps=steps, progress=report)
        except MissingWeights:
            learnt = head.finetune(steps=steps, progress=report, content="l1")
            with_other_loss = " by comparing pixels, since VGG's weights are not here"
        words = f"Learnt {learnt.pictures} pictures in {learnt.steps} steps{with_other_loss}"
        words += ", then stopped." if learnt.steps < steps else "."
        kept = f"{learnt.aside} picture{'s' * (learnt.aside > 1)} kept aside"
        for name, before in sorted(learnt.before.items()):
            after = learnt.after[name]
            words += (
                f"\n\nError on {kept} ({name}): **{before:.3g}** before, **{after:.3g}** after."
            )
        return words

    def open(self, path: Path) -> str:
        """Open a head that was kept.

        Raises:
            ValueError: it is no head.
        """
        self.head = TalkingHead.load(path, **self._where)
        return f"Opened {path.name}: {self.head.image_size} pixels."

    def keep(self) -> Path:
        """Write the head to a file.

        Raises:
            ValueError: there is none.
        """
        path = self.folder / KEPT
        self._wanted().save(path)
        return path

    def portraits(self, most: int = 4) -> np.ndarray:
        """Draw the head in the poses of its own pictures: (N, S, S, 3) uint8 RGB."""
        head = self._wanted()
        return head.draw(head.landmarks[:most])

    def animate(
        self,
        driver: Path | None,
        motion: str,
        smooth: float,
        paste: str,
        picture: Path | None,
        progress: Progress,
    ) -> tuple[Path, str]:
        """Make a film of the head, with the driver's sound.

        Args:
            driver: a film.
            motion: absolute, relative or retargeted.
            smooth: 0 to 1.
            paste: a value of `PASTE`.
            picture: of the person, to be pasted into.
            progress: is told of the frames.

        Returns:
            The file, and what there is to say of it.

        Raises:
            Stopped: as the visitor asked.
            ValueError: there is no head or driver, it shows no face or is too long.
        """
        head = self._wanted()
        if driver is None:
            raise ValueError("there is no film yet whose motion the head could follow")
        animation = head.animate(
            driver, motion=motion, smooth=smooth, detector=self.computing.detector
        )
        seconds = animation.length / animation.fps
        if seconds > self.limits.seconds:
            raise ValueError(
                f"the film is {seconds:.0f} seconds long, at most {self.limits.seconds:.0f} are "
                "taken here: cut it, or use infer.py"
            )
        finish = self._finish(head, paste, picture)
        path = self.folder / MADE
        self._write(path, animation, finish, progress)
        driving = animation.driving
        words = f"{animation.length} frames, {animation.fps:.3g} a second."
        if driving.missing:
            words += f" No face in {driving.missing} of them; there the face before is held."
        return path, words

    def follow(self, camera: Camera, motion: str, smooth: float) -> Animation:
        """Let the head follow the visitor's camera.

        Raises:
            ValueError: there is no head, or no such motion.
        """
        return self._wanted().animate(
            camera, motion=motion, smooth=max(smooth, SMOOTH_LIVE),
            detector=self.computing.detector,
        )  # fmt: skip

    def _finish(self, head: TalkingHead, paste: str, picture: Path | None) -> Finish:
        if paste == "driver":
            return in_driver
        if paste == "picture":
            if picture is None:
                raise ValueError("to paste it into a picture, a photo of the person is needed")
            return in_picture(head, picture, self.computing.detector)
        return alone

    def _write(self, path: Path, animation: Animation, finish: Finish, progress: Progress) -> None:
        done = 0
        with VideoWriter(path, animation.fps, animation.driving.sound) as writer:
            for moment in animation.moments():
                self._go_on()
                writer.write(finish(moment), moment.driver.repeats)
                done += moment.driver.repeats
                progress(done, animation.length)

    @property
    def _where(self) -> dict[str, str]:
        return {"device": self.computing.device, "precision": self.computing.precision}

    def _wanted(self) -> TalkingHead:
        if self.head is None:
            raise ValueError("there is no head yet: make one from pictures, or open one")
        return self.head

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped("stopped")


def _check_number(files: Sequence[Path]) -> None:
    if len(files) > MOST_PICTURES:
        raise ValueError(f"at most {MOST_PICTURES} files at once, got {len(files)}")


def shares(files: Sequence[Path]) -> tuple[int, int]:
    """Say how many pictures to learn from, and how many to keep aside to judge by."""
    if any(is_film(file) for file in files):
        return 32, ASIDE_OF_FILMS
    aside = int(len(files) >= FEWEST_TO_SPARE)
    return min(len(files) - aside, 32), aside
