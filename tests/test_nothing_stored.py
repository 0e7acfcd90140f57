"""A photo and a film of a face are enough: no landmarks beside them, no network, no weights."""

import shutil

import pytest

import infer
import preprocess
import train
from dataset.images import write_image
from dataset.store import read_record, read_videos, video_path
from dataset.video.reading import probe, stream_frames
from drawn_heads.videos import write_heads
from tests.conftest import call_script
from tests.provenance import warnings_of
from training.checkpoint import load_head

FRAMES, SIZE = 12, 160


@pytest.fixture
def film(tmp_path, hub):
    """A film of a drawn head, with nothing beside it."""
    (drawn,) = write_heads(tmp_path / "drawn", 1, frames=FRAMES, size=SIZE, workers=1, fps=5.0,
                           progress=False)  # fmt: skip
    film = tmp_path / "films" / "film.mp4"
    film.parent.mkdir()
    shutil.copy(drawn, film)
    return film


def succeeded(main, name, *arguments):
    done = call_script(main, name, *arguments)
    assert done.returncode == 0, done.stderr
    return done


def test_a_photo_becomes_a_head_that_a_film_drives(film, trained, tmp_path):
    photo, head, result = tmp_path / "me.png", tmp_path / "me.pt", tmp_path / "me.mp4"
    write_image(photo, next(stream_frames(film)))
    with_dlib = ["--detector", "dlib", "--device", "cpu", "--precision", "float32"]
    words = ["--checkpoint", trained, "--source", photo, "--output", head, "--steps", 1]
    (line,) = warnings_of(succeeded(train.main, "train.py", "finetune", *words, *with_dlib))
    assert "(dlib) come from another detector" in line
    assert load_head(head).detector == "dlib"
    words = ["--checkpoint", head, "--driving", film, "--output", result]
    done = succeeded(infer.main, "infer.py", *words, *with_dlib)
    assert "no face in" not in done.stdout
    assert warnings_of(done) == []
    assert probe(result).frames == FRAMES


def test_films_become_data(film, tmp_path):
    data = tmp_path / "data"
    succeeded(
        preprocess.main, "preprocess.py", "--source", film.parent, "--output", data, "--detector",
        "dlib", "--image-size", 64, "--workers", 1,
    )  # fmt: skip
    (video,) = read_videos(data)
    record = read_record(video_path(data, video))
    assert record.detector == "dlib"
    assert len(record.frames) == 9
