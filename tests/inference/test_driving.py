"""Drivers of all kinds: one square, no frame lost, cut as training data is."""

import itertools
import shutil

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from dataset.detection.detector import choose_face
from dataset.detection.stored import LANDMARKS_SUFFIX, StoredLandmarks
from dataset.images import write_image
from dataset.landmarks import draw_landmarks
from dataset.preparation.person import load_person
from dataset.video.reading import stream_frames
from dataset.video.writing import VideoWriter
from inference.driving import open_driving
from tests.dataset.conftest import face_points
from tests.dataset.films import write_animation

SIZE = 64
FRAMES, FPS = 40, 12.5
NAN = np.full((68, 2), np.nan, np.float32)


class ListedLandmarks:
    """A detector that knows the answers, and what it was asked."""

    def __init__(self, landmarks):
        self.landmarks, self.near = landmarks, []

    def detect(self, frames, places, near):
        self.near.extend(near)
        return np.stack([self.landmarks[index] for _, index in places])


@pytest.fixture(scope="module")
def clip(heads, tmp_path_factory):
    """A face that wanders through a wider picture, with its landmarks beside it."""
    video = sorted(heads.rglob("*.mp4"))[0]
    frames = list(stream_frames(video))
    landmarks = np.load(video.with_suffix(LANDMARKS_SUFFIX))
    folder = tmp_path_factory.mktemp("clip")
    moved = []
    with VideoWriter(folder / "clip.mp4", FPS) as writer:
        for index in range(FRAMES):
            canvas = np.full((96, 160, 3), 90, np.uint8)
            left = 10 + index // 2
            frame = frames[index % len(frames)]
            canvas[16 : 16 + 64, left : left + 64] = frame
            writer.write(canvas)
            moved.append(landmarks[index % len(frames)] + [left, 16])
    np.save(folder / "clip.landmarks.npy", np.array(moved, np.float32))
    return folder / "clip.mp4"


@pytest.fixture(scope="module")
def landmarks(clip):
    return np.load(clip.with_suffix(LANDMARKS_SUFFIX))


@pytest.fixture(scope="module")
def folder(clip, landmarks, tmp_path_factory):
    """The same clip as numbered pictures."""
    folder = tmp_path_factory.mktemp("frames")
    for index, frame in enumerate(stream_frames(clip)):
        write_image(folder / f"{index:04d}.png", frame)
        np.save(folder / f"{index:04d}.landmarks.npy", landmarks[index : index + 1])
    (folder / "notes.txt").write_text("not a frame")
    return folder


@pytest.mark.parametrize("crop", ["auto", "face", "whole"])
def test_video_folder_and_landmarks_file_move_alike(clip, folder, crop):
    paths = (clip, folder, clip.with_suffix(LANDMARKS_SUFFIX))
    drivers = [open_driving(path, StoredLandmarks(), crop, SIZE) for path in paths]
    moments = [list(driver) for driver in drivers]
    assert [driver.length for driver in drivers] == [FRAMES] * 3
    assert [driver.fps for driver in drivers] == [FPS, 25, FPS]
    assert [driver.sound for driver in drivers] == [None] * 3, "the clip has none"
    points = [np.stack([moment.landmarks for moment in kind]) for kind in moments]
    assert np.ptp(points[0], axis=0).max() > 5, "the head moves inside the square"
    assert np.allclose(points[0], points[1], atol=1e-4)
    assert np.allclose(points[0], points[2], atol=1e-4)
    for video, picture in zip(*moments[:2], strict=True):
        assert video.frame.shape == (SIZE, SIZE, 3)
        assert (video.frame == picture.frame).all()
    assert moments[2][0].frame is None


def test_the_square_stays_where_it_is_so_the_picture_does_not_pump(clip, landmarks):
    cut = np.stack([m.landmarks for m in open_driving(clip, StoredLandmarks(), "face", SIZE)])
    for axis in (0, 1):
        slope, offset = np.polyfit(landmarks[..., axis].ravel(), cut[..., axis].ravel(), 1)
        assert np.allclose(cut[..., axis], slope * landmarks[..., axis] + offset, atol=1e-3)


def test_missing_faces_are_held_counted_and_the_length_is_kept(clip, landmarks):
    gaps = landmarks.copy()
    gaps[[0, 1, 7, 8, 30, 39]] = NAN
    driver = open_driving(clip, ListedLandmarks(gaps), "whole", SIZE)
    filled = np.stack([moment.landmarks for moment in driver])
    full = np.stack([m.landmarks for m in open_driving(clip, StoredLandmarks(), "whole", SIZE)])
    assert len(filled) == FRAMES
    assert driver.missing == 6
    for frame, shown in ((0, 2), (1, 2), (7, 6), (8, 6), (30, 29), (39, 38), (9, 9), (31, 31)):
        assert (filled[frame] == full[shown]).all()
    assert len(list(driver)) == FRAMES
    assert driver.missing == 6, "a second walk counts afresh"


@pytest.mark.parametrize("missing", [np.nan, 0], ids=["NaN", "zeros"])
def test_missing_faces_in_a_landmarks_file_are_held_too(landmarks, tmp_path, missing):
    gaps = landmarks.copy()
    gaps[[0, 5]] = missing
    for name, values in (("gaps.npy", gaps), ("full.npy", landmarks)):
        np.save(tmp_path / name, values)
    driver = open_driving(tmp_path / "gaps.npy", None, "face", SIZE)
    filled = np.stack([moment.landmarks for moment in driver])
    assert driver.missing == 2
    assert np.isfinite(filled).all()
    assert (filled[0] == filled[1]).all()
    assert (filled[5] == filled[4]).all()
    assert (filled[6] != filled[5]).any()


def test_a_face_that_comes_late_decides_the_square(clip, landmarks):
    late = landmarks.copy()
    late[:33] = NAN
    driver = open_driving(clip, ListedLandmarks(late), "face", SIZE)
    filled = np.stack([moment.landmarks for moment in driver])
    assert driver.missing == 33
    assert (filled[:34] == filled[33]).all()
    assert (filled[33:] > -0.1 * SIZE).all()
    assert (filled[33:] < 1.1 * SIZE).all()


def test_the_detector_follows_the_face_that_it_saw_before(clip, landmarks):
    detector = ListedLandmarks(landmarks)
    list(open_driving(clip, detector, "face", SIZE))
    assert len(detector.near) == FRAMES, "no frame is looked at twice"
    assert detector.near[0] is None
    for index in range(1, FRAMES):
        assert (detector.near[index] == landmarks[index - 1]).all()


def test_a_driver_is_read_lazily(clip, landmarks):
    detector = ListedLandmarks(landmarks)
    driver = open_driving(clip, detector, "face", SIZE)
    assert len(detector.near) == 25, "the first second decides the square"
    list(itertools.islice(driver, 28))
    assert len(detector.near) == 29, "the next one tells how long the last is shown"


@pytest.mark.parametrize("crop", ["auto", "face", "whole"])
def test_p15_a_picture_is_cut_the_same_way_as_source_and_as_driver(folder, crop, tmp_path):
    for name in ("0000.png", "0000.landmarks.npy"):
        shutil.copy(folder / name, tmp_path)
    picture = tmp_path / "0000.png"
    source = load_person(picture, StoredLandmarks(), crop, SIZE, limit=1)
    for path in (picture, tmp_path):
        (moment,) = open_driving(path, StoredLandmarks(), crop, SIZE)
        assert np.allclose(moment.landmarks, source.landmarks[0], atol=1e-4)
        assert (draw_landmarks(moment.landmarks, SIZE) == source.drawn[0]).all()
        away = np.abs(source.frames[0].astype(int) - moment.frame).mean()
        assert away < 4, "sources pass through JPEG"


def careless(match, path, crop="face", detector=None, error=ValueError):
    with pytest.raises(error, match=match) as caught:
        list(open_driving(path, detector or StoredLandmarks(), crop, SIZE))
    assert path.name in str(caught.value)


def test_a_driver_without_a_face_is_named(clip, tmp_path):
    careless("no face", clip, detector=ListedLandmarks(np.stack([NAN] * FRAMES)))
    np.save(tmp_path / "none.npy", np.stack([NAN] * 3))
    careless("no face in any of its 3 frames", tmp_path / "none.npy")


def test_careless_drivers_are_named(clip, folder, landmarks, tmp_path):
    careless("does not exist", tmp_path / "nowhere.mp4", error=FileNotFoundError)
    careless("no frames", tmp_path)
    (tmp_path / "text.mp4").write_text("not a video")
    careless("not a video", tmp_path / "text.mp4")
    (tmp_path / "text.npy").write_text("not an array")
    careless("NumPy", tmp_path / "text.npy")
    np.save(tmp_path / "shape.npy", np.zeros((3, 5, 2)))
    careless(r"\(frames, 68, 2\), got \(3, 5, 2\)", tmp_path / "shape.npy")
    np.save(tmp_path / "words.npy", np.full((1, 68, 2), "x"))
    careless("numbers", tmp_path / "words.npy")
    np.save(tmp_path / "objects.npy", np.full((1, 68, 2), None), allow_pickle=True)
    careless("NumPy", tmp_path / "objects.npy")
    np.save(tmp_path / "point.npy", np.ones((3, 68, 2)))
    careless("no face in any of its 3 frames", tmp_path / "point.npy")
    knot = np.ones((3, 68, 2))
    knot[:, 0] = 5  # a point of the oval is elsewhere; eyes and mouth are in one place
    np.save(tmp_path / "knot.npy", knot)
    careless("one place", tmp_path / "knot.npy")
    np.save(tmp_path / "alone.npy", landmarks)
    careless("--crop face", tmp_path / "alone.npy", crop="whole")


def test_frames_of_another_size_are_named(folder, tmp_path):
    for name in ("0000.png", "0000.landmarks.npy", "0001.landmarks.npy"):
        shutil.copy(folder / name, tmp_path)
    picture = cv2.imread(str(folder / "0001.png"))
    write_image(tmp_path / "0001.png", picture[:80])
    with pytest.raises(ValueError, match=r"0001\.png.*160 x 96.*160 x 80"):
        list(open_driving(tmp_path, StoredLandmarks(), "face", SIZE))


class TwoFaces:
    """A detector in whose pictures one person is now and then missing and another never."""

    def __init__(self, clip, missing):
        self.mine = np.load(clip.with_suffix(LANDMARKS_SUFFIX))
        self.missing, self.other = missing, face_points(140, 70, 30)

    def detect(self, frames, places, near):
        found = []
        for (_, index), seen in zip(places, near, strict=True):
            mine = [] if index in self.missing else [self.mine[index]]
            found.append(choose_face([*mine, self.other], seen))
        return np.stack(found)


@pytest.mark.parametrize("missing", [{3}, {30}, {28, 29, 30}])
def test_another_face_is_not_followed_when_the_drivers_is_missing(clip, missing):
    driver = open_driving(clip, TwoFaces(clip, missing), "whole", SIZE)
    undisturbed = open_driving(clip, TwoFaces(clip, set()), "whole", SIZE)
    moments, expected = list(driver), list(undisturbed)
    assert (driver.missing, undisturbed.missing) == (len(missing), 0)
    for index, (moment, right) in enumerate(zip(moments, expected, strict=True)):
        held = index
        while held in missing:
            held -= 1
        np.testing.assert_array_equal(moment.landmarks, expected[held].landmarks)
        assert right.repeats == 1


@pytest.mark.parametrize("change", [lambda x: x / 160, lambda x: x * 8], ids=["0 to 1", "larger"])
def test_landmarks_in_other_units_than_pixels_are_refused_in_one_line(clip, landmarks, change):
    detector = ListedLandmarks(change(landmarks))
    with pytest.raises(
        ValueError, match=r"clip.mp4: landmarks must be pixels of a .* 160 x 96, got x"
    ):
        open_driving(clip, detector, "whole", SIZE)


def test_a_landmarks_file_from_0_to_1_is_refused_in_one_line(landmarks, tmp_path):
    np.save(tmp_path / "a.npy", landmarks / 160)
    with pytest.raises(
        ValueError, match=r"a.npy must hold pixels: its first face is 0\.\d+ of them"
    ):
        open_driving(tmp_path / "a.npy", None, "face", SIZE)


def test_a_download_that_broke_off_states_more_frames_than_are_read(clip, landmarks, tmp_path):
    whole = tmp_path / "whole.mp4"
    with (
        av.open(str(clip)) as source,
        av.open(str(whole), "w", container_options={"movflags": "+faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    content = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) * 2 // 3])
    driver = open_driving(cut, ListedLandmarks(landmarks), "whole", SIZE)
    frames = sum(moment.repeats for moment in driver)
    assert driver.stated == FRAMES
    assert 5 < driver.read < FRAMES
    assert frames == driver.read


def test_frames_are_played_in_the_order_of_their_numbers(folder, tmp_path):
    for number in range(1, 13):
        for suffix in (".png", ".landmarks.npy"):
            shutil.copy(folder / f"{number:04d}{suffix}", tmp_path / f"frame{number}{suffix}")
    played = [m.frame for m in open_driving(tmp_path, StoredLandmarks(), "face", SIZE)]
    (tmp_path / "padded").mkdir()
    for number in range(1, 13):
        for suffix in (".png", ".landmarks.npy"):
            shutil.copy(folder / f"{number:04d}{suffix}", tmp_path / "padded")
    wanted = [m.frame for m in open_driving(tmp_path / "padded", StoredLandmarks(), "face", SIZE)]
    assert np.array_equal(played, wanted)


@pytest.mark.parametrize("suffix", ["webp", "tif", "bmp", "avif"])
def test_frames_of_every_kind_are_played(clip, landmarks, tmp_path, suffix):
    for number, frame in enumerate(itertools.islice(stream_frames(clip), 3)):
        Image.fromarray(frame).save(tmp_path / f"{number}.{suffix}")
        np.save(tmp_path / f"{number}.landmarks.npy", landmarks[number : number + 1])
    assert len(list(open_driving(tmp_path, StoredLandmarks(), "face", SIZE))) == 3
    assert len(list(open_driving(tmp_path / f"0.{suffix}", StoredLandmarks(), "face", SIZE))) == 1


def test_what_is_passed_over_among_the_frames_is_counted_by_kind(folder, tmp_path, capsys):
    for name in ("0000.png", "0000.landmarks.npy"):
        shutil.copy(folder / name, tmp_path)
    for name in ("1.cr2", "2.CR2", "notes.txt", ".3.psd", "film.mp4"):
        (tmp_path / name).touch()
    assert open_driving(tmp_path, StoredLandmarks(), "face", SIZE).length == 1
    assert capsys.readouterr().err == (
        f"{tmp_path}: passed over: 2 .cr2 (camera raw: develop to JPEG or PNG), "
        "1 film (to play one, name it itself)\n"
    )


def test_a_driver_that_is_not_read_is_named_with_the_remedy(tmp_path):
    (tmp_path / "clips.zip").touch()
    careless(r"clips\.zip cannot be the driver: archives: unpack", tmp_path / "clips.zip")
    careless(r"no frames .* but 1 \.zip \(archives: unpack\)", tmp_path)
    frames = [np.full((16, 16, 3), level, np.uint8) for level in (0, 90, 200)]
    write_animation(tmp_path / "a.webp", frames)
    careless(r"a\.webp cannot be the driver: animated", tmp_path / "a.webp")


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".avif"])
def test_an_animation_drives_as_a_film(clip, landmarks, tmp_path, suffix):
    write_animation(tmp_path / f"a{suffix}", list(itertools.islice(stream_frames(clip), 5)))
    np.save(tmp_path / "a.landmarks.npy", landmarks[:5])
    driver = open_driving(tmp_path / f"a{suffix}", StoredLandmarks(), "face", SIZE)
    assert driver.length == len(list(driver)) == 5
    assert driver.fps == 25


@pytest.mark.parametrize("name", ["c.MP4", "c.m4v", "c.MOV"])
def test_landmarks_find_their_clip_whatever_its_kind_is_called(clip, tmp_path, name):
    shutil.copy(clip, tmp_path / name)
    shutil.copy(clip.with_suffix(LANDMARKS_SUFFIX), tmp_path / "c.landmarks.npy")
    assert open_driving(tmp_path / "c.landmarks.npy", None, "whole", SIZE).fps == FPS
