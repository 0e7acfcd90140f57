"""face-alignment's two networks, S3FD for faces and FAN for their points, on many frames."""

import contextlib
import pickle
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import torch

from dataset.detection.detector import (
    Frames,
    Near,
    Places,
    Which,
    choose_face,
    detect_small,
    overlap,
)
from dataset.landmarks import POINTS
from system.missing import MissingWeights
from system.weights import fetch_all, hub_folder

if TYPE_CHECKING:
    from face_alignment import FaceAlignment

# Source: face-alignment 1.5, which loads these from torch hub's folder, and checks no digest.
WEIGHTS = (
    "https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
    "https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",
)

SMALLEST_SIDE = 32  # pixels; S3FD shrinks by 32
BATCH = 32  # frames, or faces, that a GPU is given at once
BATCH_PIXELS = 2**21  # of the frames given at once: S3FD needs about 1 kB for each

# S3FD's thresholds, as face-alignment 1.5 has them in its detection/sfd.
CANDIDATE_SCORE = 0.05
NMS_OVERLAP = 0.3
VARIANCES = (0.1, 0.2)
MEAN_BGR = (104.0, 117.0, 123.0)

# A face is followed without S3FD if FAN is sure of it: by the mean peak of its 68 heatmaps, and
# by how much the box around the points overlaps the one before. Both are chosen with care, not
# calibrated on real faces; a refusal only costs time, as S3FD then looks for the face.
TRACK_SCORE = 0.5
TRACK_OVERLAP = 0.5

Item = TypeVar("Item")


class FaceAlignmentDetector:
    """face-alignment's S3FD and 2-D FAN, without compilation and mirrored passes.

    A face that was seen in a frame nearby is looked for there with FAN alone, in the tight box
    around its points, for which FAN was trained. S3FD looks for those that are not found so.

    What is found equals, to the last bit on a CPU, what `get_landmarks_from_image` of the package
    finds, given the box where there is one. A GPU takes many frames at once and rounds otherwise
    for another number of them, so a point may come out a pixel beside.

    Args:
        device: cpu, cuda or cuda:N.
        threads: of the CPU, while it detects; None: as many as PyTorch uses anyway.
        precision: float32, or bfloat16, which rounds more: points may come out a step of FAN's
            heatmaps beside, 1/64 of what it is shown of a face.
        face: which of several faces it takes where none was seen before; see `choose_face`.

    Raises:
        ValueError: the package or its weights cannot be had, or the device is not there; the
            message says what to do.
    """

    name = "face-alignment"

    def __init__(
        self,
        device: str = "cpu",
        threads: int | None = None,
        precision: str = "float32",
        face: Which = "largest",
    ):
        self.threads, self.face = threads, face
        self._rounding = torch.autocast(
            torch.device(device).type, torch.bfloat16, enabled=precision == "bfloat16"
        )
        # On a CPU a batch is no faster than its frames one by one, and rounds otherwise.
        self.batch = 1 if torch.device(device).type == "cpu" else BATCH
        fetch_weights()
        with _torch_settings_kept(threads):
            self.networks = _load_networks(device)
        # Channels last is a sixth faster on CPUs, and what matrix units want.
        self.networks.face_detector.face_detector.to(memory_format=torch.channels_last)
        self.networks.face_alignment_net.to(memory_format=torch.channels_last)

    def detect(self, frames: Frames, places: Places, near: Near) -> np.ndarray:
        """See `LandmarkDetector`."""
        with _torch_settings_kept(self.threads), torch.inference_mode():
            return detect_small(self._detect, frames, places, near)

    def _detect(self, frames: Frames, places: Places, near: Near) -> np.ndarray:
        found = self._follow(frames, near)
        lost = [index for index, face in enumerate(found) if face is None]
        lost_frames = [frames[index] for index in lost]
        faces = self._align(lost_frames, self._find_boxes(lost_frames))
        for index, seen in zip(lost, faces, strict=True):
            found[index] = choose_face([one.landmarks for one in seen], near[index], self.face)
        return np.array(found, np.float32).reshape(-1, POINTS, 2)

    def _follow(self, frames: Frames, near: Near) -> list[np.ndarray | None]:
        """Look for each frame's face where it was nearby; None where it is not there for sure."""
        boxes = [
            [] if points is None or _is_small(frame) else [_box_around(points)]
            for frame, points in zip(frames, near, strict=True)
        ]
        faces = self._align(frames, boxes)
        return [
            seen[0].landmarks if seen and _is_sure(seen[0], points) else None
            for seen, points in zip(faces, near, strict=True)
        ]

    def _find_boxes(self, frames: Frames) -> list[np.ndarray]:
        """Find the faces in each frame with S3FD: (faces, 5) left, top, right, bottom, score."""
        boxes = [np.empty((0, 5)) for _ in frames]
        for group in _by_shape(frames).values():
            pixels = np.prod(frames[group[0]].shape[:2])
            for chunk in _chunks(group, max(min(self.batch, BATCH_PIXELS // pixels), 1)):
                found = self._run_s3fd(np.stack([frames[index] for index in chunk]))
                for index, candidates in zip(chunk, found, strict=True):
                    boxes[index] = self._best(candidates)
        return boxes

    def _run_s3fd(self, frames: np.ndarray) -> list[np.ndarray]:
        """Return S3FD's candidates in frames (B, H, W, 3) uint8: for each (P, 5)."""
        device = self.networks.device
        pictures = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).contiguous()
        pictures = pictures.float().flip(1) - torch.tensor(MEAN_BGR, device=device).view(1, 3, 1, 1)
        with self._rounding:
            maps = self.networks.face_detector.face_detector(pictures)
        scores = [logits.float().softmax(1)[:, 1].cpu().numpy() for logits in maps[::2]]
        moves = [move.float().cpu().numpy() for move in maps[1::2]]
        levels = [_decode(*level) for level in zip(range(len(scores)), scores, moves, strict=True)]
        owners, candidates = (np.concatenate(part) for part in zip(*levels, strict=True))
        return [candidates[owners == index] for index in range(len(frames))]

    def _best(self, candidates: np.ndarray) -> np.ndarray:
        from face_alignment.detection.sfd.bbox import nms

        # All candidates go in, as in the package: with those above the threshold alone, its sort
        # would put equal scores into another order.
        kept = candidates[nms(candidates, NMS_OVERLAP)]
        return kept[kept[:, 4] > self.networks.face_detector.filter_threshold]

    def _align(self, frames: Frames, boxes: Sequence[Iterable[np.ndarray]]) -> list[list["_Face"]]:
        """Find the points of the faces in the boxes of each frame with FAN."""
        faces: list[list[_Face]] = [[] for _ in frames]
        views = [(index, _view(box)) for index, some in enumerate(boxes) for box in some]
        views = [(index, view) for index, view in views if _shows(view, frames[index])]
        for chunk in _chunks(views, self.batch):
            crops = np.stack([_crop(frames[index], view) for index, view in chunk])
            heatmaps = self._run_fan(crops)
            for number, (index, view) in enumerate(chunk):
                faces[index].append(_read_points(heatmaps[number : number + 1], view))
        return faces

    def _run_fan(self, crops: np.ndarray) -> np.ndarray:
        """Return FAN's heatmaps (B, 68, 64, 64) of crops (B, 3, 256, 256)."""
        with self._rounding:
            heatmaps = self.networks.face_alignment_net(
                torch.from_numpy(crops).to(self.networks.device)
            )
        if isinstance(heatmaps, list):  # of each of its stacked modules
            heatmaps = heatmaps[-1]
        return heatmaps.float().cpu().numpy()


class _Face(NamedTuple):
    landmarks: np.ndarray
    """(68, 2) float32, pixels of the frame."""
    score: float
    """Mean peak of the heatmaps; about 1 where FAN is sure."""


class _View(NamedTuple):
    """The square that FAN is shown."""

    center: np.ndarray
    """x and y, pixels of the frame."""
    scale: float
    """Its side in units of 200 pixels."""


def _decode(level: int, scores: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the candidates of one of S3FD's maps, and the number of the frame of each.

    Args:
        level: of the map, from 0, the finest.
        scores: (B, h, w), 0 to 1.
        moves: (B, 4, h, w), from the prior boxes to the faces.
    """
    from face_alignment.detection.sfd.bbox import decode

    owner, row, column = np.nonzero(scores > CANDIDATE_SCORE)
    stride = 2 ** (level + 2)
    side = np.full(len(owner), 4.0 * stride)
    priors = np.stack([stride / 2 + column * stride, stride / 2 + row * stride, side, side], 1)
    boxes = decode(moves[owner, :, row, column], priors, VARIANCES)
    return owner, np.concatenate([boxes, scores[owner, row, column][:, None]], 1)


def _view(box: np.ndarray) -> _View:
    """Return the square around a box, left, top, right, bottom; the arithmetic is the package's."""
    from face_alignment.utils import CENTER_Y_OFFSET, REFERENCE_SCALE

    left, top, right, bottom = box[:4]
    center = np.array([right - (right - left) / 2.0, bottom - (bottom - top) / 2.0])
    center[1] = center[1] - (bottom - top) * CENTER_Y_OFFSET
    return _View(center, (right - left + bottom - top) / REFERENCE_SCALE)


def _shows(view: _View, frame: np.ndarray) -> bool:
    """Tell whether a square reaches into the frame; the package's `crop` fails if it does not."""
    from face_alignment.utils import SCALE_FACTOR

    half = view.scale * SCALE_FACTOR / 2
    inside = (view.center + half > 2) & (view.center - half < np.array(frame.shape[1::-1]) - 2)
    return bool(half >= 1 and inside.all())


def _crop(frame: np.ndarray, view: _View) -> np.ndarray:
    """Return what FAN is shown, (3, 256, 256) float32, 0 to 1."""
    from face_alignment.utils import crop

    return crop(frame, view.center, view.scale).transpose((2, 0, 1)).astype(np.float32) / 255.0


def _read_points(heatmaps: np.ndarray, view: _View) -> _Face:
    """Turn heatmaps (1, 68, 64, 64) into points."""
    from face_alignment.utils import get_preds_fromhm

    _, points, peaks = get_preds_fromhm(heatmaps, view.center, view.scale)
    return _Face(points[0], float(peaks.mean()))


def _box_around(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points.min(0), points.max(0)]).astype(np.float64)


def _is_sure(face: _Face, near: np.ndarray) -> bool:
    return face.score >= TRACK_SCORE and overlap(face.landmarks, near) >= TRACK_OVERLAP


def _is_small(frame: np.ndarray) -> bool:
    return min(frame.shape[:2]) < SMALLEST_SIDE


def _by_shape(frames: Frames) -> dict[tuple[int, ...], list[int]]:
    """Return the numbers of the frames of each shape, without those that are too small."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, frame in enumerate(frames):
        if not _is_small(frame):
            groups.setdefault(frame.shape, []).append(index)
    return groups


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def fetch_weights() -> None:
    """Make sure that face-alignment's weights lie where it loads them from.

    Raises:
        MissingWeights: they are not there and cannot be downloaded.
    """
    try:
        fetch_all(WEIGHTS, check=False)
    except MissingWeights as error:
        raise MissingWeights(
            f"--detector face-alignment needs weights: {error}; or take --detector dlib, which "
            "needs no download"
        ) from None


def _load_networks(device: str) -> "FaceAlignment":
    """Start face-alignment.

    Raises:
        ValueError: it cannot be imported, or does not start with these weights on this device.
    """
    try:
        import face_alignment
    except ImportError as error:
        raise ValueError(
            f"face-alignment cannot be imported ({error}): pip install face-alignment; "
            "where libGL.so.1 is missing, apt install libgl1"
        ) from None
    try:
        return face_alignment.FaceAlignment(
            face_alignment.LandmarksType.TWO_D, device=device, flip_input=False, compile=False
        )
    except (
        pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, AttributeError,
        AssertionError,  # PyTorch's, where it is built without CUDA
    ) as error:  # fmt: skip
        reason = str(error).split("\n")[0][:120]
        raise ValueError(
            "face-alignment does not start with the weights "
            f"{' and '.join(Path(url).name for url in WEIGHTS)} in {hub_folder()} on {device} "
            f"({type(error).__name__}: {reason})"
        ) from None


@contextlib.contextmanager
def _torch_settings_kept(threads: int | None) -> Iterator[None]:
    """Undo what face-alignment changes for the whole process, and limit its threads."""
    benchmark, gradients = torch.backends.cudnn.benchmark, torch.is_grad_enabled()
    usual = torch.get_num_threads()
    torch.set_num_threads(threads or usual)
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        torch.set_grad_enabled(gradients)
        torch.set_num_threads(usual)
