"""Detectors are known by name."""

import subprocess
import sys

import pytest

from dataset.detection.kinds import create_detector


def test_an_unknown_detector_is_refused():
    with pytest.raises(ValueError, match=r"must be one of face-alignment, dlib, stored.*'dilb'"):
        create_detector("dilb", "cpu")


def test_detectors_are_known_by_name_and_without_pytorch():
    code = (
        "import sys, dataset.detection.process\n"
        "from dataset.detection.kinds import create_detector\n"
        "assert create_detector('stored').name == 'stored'; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
