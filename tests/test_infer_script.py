"""infer.py as a user runs it: outputs, sizes, rates, careless use."""

import itertools
import shutil
import weakref

import numpy as np
import pytest
import torch

import infer
from dataset.detection.stored import LANDMARKS_SUFFIX, StoredLandmarks
from dataset.images import read_image, write_image
from dataset.landmarks import draw_landmarks
from dataset.video.reading import probe, stream_frames
from drawn_heads.motion import Pose
from drawn_heads.people import draw_person
from drawn_heads.render import render
from drawn_heads.scenes import draw_scene
from inference.driver import Driving, DrivingFrame
from inference.driving import open_driving
from inference.prepared import PreparedHead
from inference.retarget import most_neutral, moved
from network.generator import Generator
from network.personal_generator import PersonalGenerator
from talking_head import Animation
from talking_head.finishing import side_by_side
from tests.conftest import FRAMES, call_file, call_script
from tests.dataset.video.clips import add_sound, heard
from tests.provenance import OTHER, model_of_other_detector, of_other_detector, warnings_of
from tests.runs import load_feed_forward
from training.checkpoint import Head, save_head

SIZE = 64
QUICK = ["--detector", "stored", "--device", "cpu", "--precision", "float32"]
FACE = render(draw_person(1), draw_scene(1), Pose(yaw=-30, roll=15), SIZE)[1]


@pytest.fixture(scope="module")
def clips(heads):
    return sorted(heads.rglob("*.mp4"))


@pytest.fixture(scope="module")
def head(trained, tmp_path_factory):
    """A head that draws something, whoever it is."""
    path = tmp_path_factory.mktemp("heads_in") / "me.pt"
    save_head(any_head(load_feed_forward(trained)[2]), path)
    return path


def any_head(config=None, crop="whole"):
    networks = {"image_size": SIZE, "channels": 8, "max_channels": 16, "bottleneck": 4}
    config = config or {"networks": networks}
    torch.manual_seed(0)
    generator = Generator(
        **{key: config["networks"][key] for key in networks},
        embedding_size=16,
    )
    network = PersonalGenerator(generator, torch.randn(1, generator.style_size)).eval()
    return Head(network, config, crop, FACE[None])


def animate(*arguments):
    return call_script(infer.main, "infer.py", *QUICK, *arguments)


def succeeded(done):
    assert done.returncode == 0, done.stderr
    return done


def test_a_head_follows_a_video_at_its_rate_and_length(head, clips, tmp_path):
    output = tmp_path / "new" / "folder" / "me.mp4"
    words = ["--checkpoint", head, "--driving", clips[0], "--output", output]
    done = succeeded(call_file("infer.py", *QUICK, *words))
    driver, result = probe(clips[0]), probe(output)
    assert (result.frames, result.width, result.height) == (FRAMES, SIZE, SIZE)
    assert result.fps == pytest.approx(driver.fps)
    last = done.stdout.strip().splitlines()[-1]
    assert str(output) in last
    assert f"{FRAMES} frames" in last
    assert "frames/s" in last
    assert "animating" in done.stderr
    assert [path.name for path in output.parent.iterdir()] == ["me.mp4"]


def test_side_by_side_shows_driver_landmarks_and_result(head, clips, tmp_path):
    common = ["--checkpoint", head, "--output"]
    succeeded(animate(*common, tmp_path / "a.mp4", "--driving", clips[0], "--side-by-side"))
    succeeded(animate(*common, tmp_path / "b.mp4", "--driving", clips[0]))
    beside = next(stream_frames(tmp_path / "a.mp4")).astype(int)
    alone = next(stream_frames(tmp_path / "b.mp4")).astype(int)
    assert beside.shape == (SIZE, 3 * SIZE, 3)
    driver, drawn, result = np.split(beside, 3, axis=1)
    points = np.load(clips[0].with_suffix(LANDMARKS_SUFFIX))[0]
    assert np.abs(driver - next(stream_frames(clips[0]))).mean() < 12
    assert np.abs(drawn - draw_landmarks(points, SIZE)).mean() < 12
    assert np.abs(result - alone).mean() < 12
    assert np.abs(driver - drawn).mean() > 24, "the panels differ"


def test_smoothed_landmarks_tremble_less(head, tmp_path):
    noisy = FACE + np.random.default_rng(0).normal(0, 0.6, (FRAMES, 68, 2))
    np.save(tmp_path / "noisy.npy", noisy.astype(np.float32))

    def restlessness(strength):
        out = tmp_path / strength
        words = ["--driving", tmp_path / "noisy.npy", "--crop", "face", "--output", out]
        succeeded(animate("--checkpoint", head, *words, "--side-by-side", "--smooth", strength))
        files = sorted(out.iterdir())
        drawn = np.stack([read_image(file)[:, :SIZE].astype(int) for file in files])
        return np.abs(np.diff(drawn, axis=0)).mean()

    assert restlessness("1") < 0.8 * restlessness("0")
    done = animate("--checkpoint", head, "--driving", "x.npy", "--output", "y", "--smooth", 2)
    assert done.returncode != 0
    assert "--smooth must be from 0 to 1, got 2" in done.stderr


def test_stored_landmarks_drive_without_their_video(head, clips, tmp_path):
    np.save(tmp_path / "moves.npy", np.load(clips[0].with_suffix(LANDMARKS_SUFFIX)))
    succeeded(
        animate(
            "--checkpoint", head, "--driving", tmp_path / "moves.npy", "--crop", "face",
            "--output", tmp_path / "me.mp4", "--side-by-side", "--fps", 10,
        )
    )  # fmt: skip
    result = probe(tmp_path / "me.mp4")
    assert (result.frames, result.width, result.height) == (FRAMES, 2 * SIZE, SIZE)
    assert result.fps == pytest.approx(10)


@pytest.mark.parametrize("motion", ["absolute", "relative"])
def test_a_run_animates_pictures_without_training(trained, clips, data, tmp_path, motion):
    for name, source in (("video", clips[1]), ("pickle", sorted(data.rglob("*.pkl"))[1])):
        output = tmp_path / f"{name}.mp4"
        succeeded(
            animate(
                "--checkpoint", trained, "--source", source, "--driving", clips[0],
                "--motion", motion, "--output", output, "--shots", 3,
            )
        )  # fmt: skip
        assert probe(output).frames == FRAMES


def test_frames_without_a_face_are_counted_in_one_line(head, clips, tmp_path):
    landmarks = np.load(clips[0].with_suffix(LANDMARKS_SUFFIX))
    landmarks[[0, 4]] = np.nan
    np.save(tmp_path / "gaps.npy", landmarks)
    done = succeeded(
        animate(
            "--checkpoint", head, "--driving", tmp_path / "gaps.npy", "--crop", "face",
            "--output", tmp_path / "me.mp4",
        )
    )  # fmt: skip
    assert f"no face in 2 of {FRAMES} frames" in done.stdout
    assert probe(tmp_path / "me.mp4").frames == FRAMES


@pytest.mark.parametrize("fps", [None, 50])
def test_the_result_sounds_as_its_driver_does_at_any_rate(head, clips, tmp_path, fps):
    talk, to = tmp_path / "talk.mp4", tmp_path / "me.mp4"
    add_sound(clips[0], talk, beep=0.2)
    shutil.copy(clips[0].with_suffix(LANDMARKS_SUFFIX), talk.with_suffix(LANDMARKS_SUFFIX))
    rate = ["--fps", fps] if fps else []
    succeeded(animate("--checkpoint", head, "--driving", talk, "--output", to, *rate))
    beep, seconds = heard(to)
    assert beep == pytest.approx(0.2, abs=0.01)
    assert seconds == pytest.approx(FRAMES / 25, abs=0.03), "cut to the length of the frames"
    assert probe(to).frames == FRAMES * (2 if fps else 1)


def test_a_driver_that_ends_early_is_followed_to_its_end_and_named(head, clips, tmp_path):
    class Short(Driving):
        path, fps, length, stated = clips[0], 25.0, 9, 9

        def __iter__(self):
            for self.read in range(1, 4):
                yield DrivingFrame(None, np.ones((68, 2), np.float32))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("talking_head.drawing.open_driving", lambda *arguments: Short())
        to = tmp_path / "me.mp4"
        done = animate("--checkpoint", head, "--driving", clips[0], "--output", to)
    assert "ends after 3 of 9 frames" in succeeded(done).stdout
    assert probe(to).frames == 3


@pytest.mark.parametrize("motion", ["absolute", "relative", "retargeted"])
def test_the_network_is_shown_the_drivers_face_or_the_persons_own_or_one_between(motion):
    driver = np.random.default_rng(0).uniform(0, SIZE, (68, 2)).astype(np.float32)

    class One(Driving):
        fps, length = 25.0, 1

        def __iter__(self):
            yield DrivingFrame(None, driver)

    (moment,) = Animation(
        PreparedHead(any_head().network, SIZE), One(), FACE[None], motion
    ).moments()
    frame = side_by_side(moment)
    (between,) = moved("retargeted", [driver], FACE[None])
    expected = {"absolute": driver, "relative": FACE, "retargeted": between}[motion]
    assert (frame[:, :SIZE] == draw_landmarks(expected, SIZE)).all()


@pytest.mark.parametrize(("asked", "used"), [("auto", "face"), ("whole", "whole")])
def test_p15_a_driver_is_cut_as_the_persons_pictures_were(clips, tmp_path, asked, used):
    save_head(any_head(crop="face"), tmp_path / "me.pt")
    to = tmp_path / "me.mp4"
    common = ["--checkpoint", tmp_path / "me.pt", "--side-by-side", "--crop", asked]
    succeeded(animate(*common, "--driving", clips[0], "--output", to))
    driver = next(stream_frames(to))[:, :SIZE].astype(int)
    moment = next(iter(open_driving(clips[0], StoredLandmarks(), used, SIZE)))
    assert np.abs(driver - moment.frame).mean() < 12


def test_a_head_moves_relatively_without_pictures_of_its_person(head, clips, tmp_path):
    to = tmp_path / "me.mp4"
    common = ["--checkpoint", head, "--motion", "relative", "--side-by-side"]
    succeeded(animate(*common, "--driving", clips[0], "--output", to))
    points = np.load(clips[0].with_suffix(LANDMARKS_SUFFIX))
    rest = points[most_neutral(points)]
    drawn = [frame[:, SIZE : 2 * SIZE].astype(int) for frame in stream_frames(to)]
    own, drivers = (
        min(np.abs(frame - draw_landmarks(points, SIZE)).mean() for frame in drawn)
        for points in (FACE, rest)
    )
    assert own < 0.5 * drivers


@pytest.mark.parametrize("where", ["driver", "me.png"])
def test_the_face_is_pasted_back_into_the_driver_or_a_picture(head, clips, tmp_path, where):
    driver = next(stream_frames(clips[0]))
    if where == "me.png":
        wide = np.full((2 * SIZE, 3 * SIZE, 3), 90, np.uint8)
        wide[:SIZE, :SIZE] = driver
        where = tmp_path / where
        write_image(where, wide)
        points = np.load(clips[0].with_suffix(LANDMARKS_SUFFIX))[:1]
        np.save(where.with_suffix(".landmarks.npy"), points)
    to = tmp_path / "pasted"
    common = ["--checkpoint", head, "--driving", clips[0], "--crop", "face", "--output", to]
    succeeded(animate(*common, "--paste-back", where))
    first = read_image(to / "000000.png")
    if where == "driver":
        assert first.shape == driver.shape
        assert np.abs(first.astype(int) - driver).mean() > 5
    else:
        assert np.array_equal(first[SIZE + 20 :, SIZE + 20 :], wide[SIZE + 20 :, SIZE + 20 :])
        assert np.abs(first[:SIZE, :SIZE].astype(int) - driver).mean() > 5
    assert len(list(to.iterdir())) == FRAMES


@pytest.mark.parametrize("side_by_side", [True, False])
def test_memory_does_not_grow_with_the_length(side_by_side):
    alive: list[weakref.ref] = []

    class Walk(Driving):
        fps, length = 25.0, 300

        def __iter__(self):
            points = np.random.default_rng(0).uniform(0, SIZE, (68, 2)).astype(np.float32)
            for _ in range(300):
                frame = np.zeros((SIZE, SIZE, 3), np.uint8)
                alive.append(weakref.ref(frame))
                yield DrivingFrame(frame, points)

    finish = infer._finish(infer.Infer("", "", "", side_by_side=side_by_side), None)
    ready = PreparedHead(any_head().network, SIZE)
    moments = Animation(ready, Walk(), FACE[None], batch_size=4).moments()
    for _ in itertools.islice(map(finish, moments), 50):
        assert sum(frame() is not None for frame in alive) <= 3 * 4 + 2
    assert len(alive) <= 50 + 3 * 4, "and little more is read than is asked for"


@pytest.mark.parametrize("driver", ["clip", "landmarks alone"])
def test_a_driver_of_another_detector_than_the_heads_pictures_is_warned_of_once(
    driver, trained, clips, tmp_path
):
    driving = clips[0] if driver == "clip" else clips[0].with_suffix(LANDMARKS_SUFFIX)
    config = load_feed_forward(trained)[2]
    learnt_by = {
        "the person by another": any_head(config)._replace(detector=OTHER),
        "the person by stored": any_head(
            config | {"data": {"detector": OTHER}}
        )._replace(detector="stored"),
        "of older code": any_head(config),
        "nobody knows": any_head(),
    }  # fmt: skip
    said = {}
    for name, head in learnt_by.items():
        path, to = tmp_path / f"{name}.pt", tmp_path / "me.mp4"
        save_head(head, path)
        said[name] = warnings_of(
            animate("--checkpoint", path, "--driving", driving, "--output", to)
        )
    (line,) = said.pop("the person by another")
    assert f"--driving {driving} (stored)" in line and f"has learnt ({OTHER})" in line
    assert not any(said.values()), said


def test_pictures_and_driver_are_each_held_against_the_models_detector(
    trained, clips, data, tmp_path
):
    record = sorted(data.rglob("*.pkl"))[1]
    other = of_other_detector(record, tmp_path / "me.pkl")
    model = model_of_other_detector(trained, tmp_path / "model.pt")
    for checkpoint, source, strange in (
        (trained, record, []),
        (trained, other, ["--source"]),
        (model, other, ["--driving"]),
        (model, record, ["--source", "--driving"]),
    ):
        said = warnings_of(
            animate(
                "--checkpoint", checkpoint, "--source", source, "--driving", clips[0],
                "--output", tmp_path / "me.mp4", "--shots", 1,
            )
        )  # fmt: skip
        assert [line.split()[4] for line in said] == strange


def one_line(done, *words, status=1):
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert str(word) in done.stderr.strip().splitlines()[-1]


def test_careless_use_ends_in_one_line_and_leaves_nothing(head, trained, clips, tmp_path):
    output = tmp_path / "out" / "me.mp4"
    drive = ["--driving", clips[0], "--output", output]
    one_line(animate("--checkpoint", trained, *drive), "infer.py:", "--source", trained)
    one_line(animate("--checkpoint", head, "--source", clips[1], *drive), "--source", head)
    one_line(animate("--checkpoint", tmp_path / "no.pt", *drive), "--checkpoint", "no.pt")
    text = tmp_path / "text.pt"
    text.write_text("not a checkpoint")
    one_line(animate("--checkpoint", text, *drive), "text.pt")
    to = ["--checkpoint", head, "--output", output]
    one_line(animate(*to, "--driving", tmp_path / "no.mp4"), "--driving", "no.mp4")
    np.save(tmp_path / "none.npy", np.full((2, 68, 2), np.nan))
    one_line(animate(*to, "--driving", tmp_path / "none.npy"), "no face", "none.npy")
    one_line(animate("--checkpoint", head, "--driving", clips[0], "--output", clips[0]), "--output")
    one_line(animate(*to, "--driving", clips[0], "--fps", 0), "frames per second")
    gone = ["--driving", clips[0], "--paste-back", tmp_path / "gone.jpg"]
    one_line(animate(*to, *gone), "--paste-back", "gone.jpg does not exist")
    both = ["--driving", clips[0], "--paste-back", "driver"]
    one_line(animate(*to, *both, "--side-by-side"), "--paste-back and --side-by-side")
    points = clips[0].with_suffix(LANDMARKS_SUFFIX)
    one_line(animate(*to, "--driving", points, "--paste-back", "driver"), "--paste-back driver")
    one_line(animate(*to, "--driving", clips[0], "--batch-size", 0), "--batch-size", 0, status=2)
    assert not output.parent.exists()
