"""face-alignment's public call, which the library's own way is held against."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from dataset.detection.face_alignment import FaceAlignmentDetector
from tests.dataset.faces import say_faces


def public_call(device: str) -> Callable[[Path, int, np.ndarray], np.ndarray]:
    """Return face-alignment as its own page shows it, mirrored pass and all threads included."""
    detector = FaceAlignmentDetector(device)
    say_faces(detector)
    networks = detector.networks
    networks.flip_input = True
    for network in (networks.face_detector.face_detector, networks.face_alignment_net):
        network.to(memory_format=torch.contiguous_format)
    networks.get_landmarks_from_image(np.zeros((64, 64, 3), np.uint8))
    torch.set_num_threads(os.cpu_count() or 1)
    return lambda path, index, frame: networks.get_landmarks_from_image(frame)[0]
