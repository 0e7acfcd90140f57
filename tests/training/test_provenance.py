"""Whose landmarks a model has learnt, as far as its file tells, and when that is warned of."""

import pytest
import torch

from training.checkpoint import Head
from training.provenance import detectors_of, warn_of_other_detectors

STORED, FOUND = {"detector": "stored"}, {"detector": "face-alignment"}


@pytest.mark.parametrize(
    ("config", "detectors"),
    [
        ({"data": STORED, "mix": None, "mix_data": None}, ("stored",)),
        ({"data": STORED, "mix": "heads", "mix_data": STORED}, ("stored",)),
        ({"data": STORED, "mix": "heads", "mix_data": FOUND}, ("face-alignment", "stored")),
        ({"data": STORED, "mix_data": FOUND}, ("face-alignment", "stored")),  # exported
        ({"data": STORED}, ("stored",)),  # by older code, or exported by it
        ({"data": STORED, "mix": "heads"}, ()),  # by older code, which kept the folder alone
        ({"data": {"frames_per_video": 9}}, ()),
        ({"networks": {}}, ()),
    ],
)
def test_a_model_knows_the_detectors_of_all_its_data_or_none(config, detectors):
    assert detectors_of(config) == detectors


def test_a_head_has_learnt_its_persons_landmarks_last_and_before_them_its_models():
    head = Head(torch.nn.Identity(), {"data": STORED}, "whole", None)
    assert head.detectors == ("stored",)
    assert head._replace(detector="dlib").detectors == ("dlib",)
    assert head._replace(config={}).detectors == ()


def test_landmarks_of_another_detector_are_named_in_one_line(capsys):
    warn_of_other_detectors("--driving a.mp4", ["stored"], "me.pt", ["dlib", "face-alignment"])
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("warning: the landmarks of --driving a.mp4 (stored) come from another ")
    assert "that me.pt has learnt (dlib, face-alignment)" in line


def test_of_several_detectors_only_the_strange_ones_are_named(capsys):
    warn_of_other_detectors("--data DATA", ["dlib", "stored"], "vox", ["stored"])
    assert "of --data DATA (dlib) come" in capsys.readouterr().err


@pytest.mark.parametrize("learnt", [(), ("stored",), ("face-alignment", "stored")])
def test_nothing_is_said_where_the_detector_is_known_to_the_model_or_nobody_noted_it(
    learnt, capsys
):
    warn_of_other_detectors("--driving a.mp4", ["stored"], "me.pt", learnt)
    assert capsys.readouterr().err == ""
