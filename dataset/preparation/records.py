"""Make the record of one video or person: choose frames, find the face, judge, cut, compress."""

import itertools

import numpy as np

from dataset.crop import resolve_crop
from dataset.detection.detector import LandmarkDetector
from dataset.preparation import quality
from dataset.preparation.cutting import Cutter, Key
from dataset.preparation.findings import Findings
from dataset.preparation.quality import Gates
from dataset.preparation.search import FrameSearch, Rejected
from dataset.preparation.sources import SourceVideo
from dataset.store import Record

SHOWN_MOVING = 3  # frames of a segment from which its motion can be told


def make_record(
    video: SourceVideo,
    detector: LandmarkDetector,
    crop: str,
    image_size: int,
    frames: int | None = None,
    seed: int = 0,
    jpeg_quality: int = 95,
    fewest: int = 2,
    gates: Gates = quality.OPEN,
    findings: Findings | None = None,
) -> Record:
    """Make the record of one video, or of the photos of one person.

    Which frames are taken depends on (seed, video id) and on what they show. Frames that a gate
    refuses are replaced by others. Segments that cannot be read are left out.

    Args:
        video: what to read.
        detector: finds the landmarks.
        crop: whole: the largest square in the middle; face: the face's box, one for each segment
            or photo; auto: see `resolve_crop`.
        image_size: side of the stored frames, pixels.
        frames: how many at most; None: as many as there are.
        seed: chooses them.
        jpeg_quality: 1 to 100.
        fewest: with fewer the video is rejected.
        gates: what a frame and a video must reach.
        findings: notes are added to it, also if the video is rejected.

    Raises:
        Rejected: fewer than `fewest` usable frames, or a gate refuses the whole video.
    """
    findings = Findings() if findings is None else findings
    crop = resolve_crop(crop, video.kind)
    cutter = Cutter(crop, video.stills(), image_size, jpeg_quality, findings)
    search = FrameSearch(video, detector, crop, image_size, gates, findings, cutter.take)
    faces = search.find(frames, np.random.default_rng([seed, *_bytes_of(video.id)]))
    if len(faces) < fewest or search.is_static(len(faces), frames):
        raise search.explain(len(faces), fewest)
    _judge(video, faces, search.colours, gates, findings)
    jpegs, landmarks = cutter.finish(faces, search.read)
    return Record(
        video=video.id,
        frames=tuple(jpegs),
        landmarks=np.stack(landmarks),
        origins=tuple((video.segments[segment].name, index) for segment, index in faces),
        image_size=image_size,
        detector=detector.name,
        crop=crop,
    )


def _bytes_of(name: str) -> bytes:
    return name.encode(errors="surrogatepass")


def _judge(
    video: SourceVideo,
    faces: dict[Key, np.ndarray],
    colours: dict[Key, np.ndarray],
    gates: Gates,
    findings: Findings,
) -> None:
    """Judge the video as a whole: does it move, does it stay with one person?

    Raises:
        Rejected: it does not.
    """
    segments = [list(keys) for _, keys in itertools.groupby(faces, key=lambda key: key[0])]
    motions = [
        quality.motion(np.stack([faces[key] for key in keys]))
        for keys in segments
        if len(keys) >= SHOWN_MOVING
    ]
    if motions and max(motions) < gates.least_motion:
        reach = f"the face moves by {max(motions):.2%} of its size"
        raise Rejected("near-static", f"{video.id}: {reach}")
    if gates.least_likeness:
        pairs = [pair for keys in segments for pair in itertools.pairwise(keys)]
        likenesses = [quality.likeness(colours[one], colours[other]) for one, other in pairs]
        findings.cuts = sum(likeness < gates.least_likeness for likeness in likenesses)
    if findings.cuts and gates.reject_cuts:
        raise Rejected("cut", f"{video.id}: the picture changes {findings.cuts} times at once")
