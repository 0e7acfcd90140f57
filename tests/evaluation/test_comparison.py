"""Every trial that is not done yet, and no other."""

import pytest

from dataset.store import StoreError, video_path
from drawn_heads.set import DrawnSet
from evaluation import comparison
from evaluation.comparison import Plan, compare, driver_of
from evaluation.measures import Instruments
from evaluation.models import Contestant
from evaluation.trial import Settings
from loss.content import ContentLoss
from tests.evaluation.conftest import (
    HARDWARE,
    Colour,
    Finding,
    made_up,
    made_up_baselines,
    write_folder,
)

VIDEOS = ["id1/a", "id1/b", "id2/a", "id3/a"]
SETTINGS = Settings((1, 4), 3, None, 8, 0)


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "data", dict.fromkeys(VIDEOS, 8))


@pytest.fixture
def trials(monkeypatch):
    """What was tried, in place of trials: (video, model or None, driver or None)."""
    done = []

    class Noted:
        def __init__(self, subject, settings, instruments, hardware):
            self.subject = subject
            assert len(subject.known.frames) == max(settings.shots)

        def of_baselines(self):
            done.append((self.subject.video, None, None))
            return made_up_baselines(0.5)

        def of(self, contestant, driver):
            done.append((self.subject.video, contestant.name, driver and driver.video))
            if driver:
                assert len(driver.held_out.frames) == 3
            return made_up(0.5 + VIDEOS.index(self.subject.video) / 100)

    monkeypatch.setattr(comparison, "Trial", Noted)
    return done


def model(name="runs/a", digest="00aa"):
    return Contestant(name, digest, {}, ContentLoss())


def plan_of(folder, videos=VIDEOS, **changes):
    return Plan(folder, videos, 3, 16, True)._replace(**changes)


def run(folder, tmp_path, *models, plan=None, settings=SETTINGS, instruments=None, hardware=None):
    return compare(
        models or [model()], plan or plan_of(folder), settings, instruments or Instruments(),
        hardware or HARDWARE, tmp_path / "out",
    )  # fmt: skip


def test_every_model_and_the_baselines_are_tried_on_every_video(folder, tmp_path, trials):
    done = run(folder, tmp_path, model("runs/a"), model("runs/b", "00bb"))
    drivers = dict(zip(VIDEOS, ["id2/a", "id2/a", "id3/a", "id1/a"], strict=True))
    assert trials == [
        entry
        for video, driver in drivers.items()
        for entry in ((video, None, None), *((video, f"runs/{m}", driver) for m in "ab"))
    ]
    assert done.videos == VIDEOS
    assert list(done.contestants) == ["runs/a", "runs/b"]
    expected = [made_up(0.5 + at / 100).rows for at in range(4)]
    for results in done.contestants.values():
        assert [result.rows for result in results] == expected
    assert [result.rows for result in done.baselines] == [made_up_baselines(0.5).rows] * 4


def test_the_second_time_nothing_is_tried_and_the_answer_is_the_same(folder, tmp_path, trials):
    models = [model("runs/a"), model("runs/b", "00bb")]
    first = run(folder, tmp_path, *models)
    count = len(trials)
    second = run(folder, tmp_path, *models)
    assert len(trials) == count == 12
    assert second.videos == first.videos
    for before, after in zip(
        [first.baselines, *first.contestants.values()],
        [second.baselines, *second.contestants.values()],
        strict=True,
    ):
        assert [result[:3] for result in before] == [result[:3] for result in after]


def test_what_is_missing_is_made_again_and_nothing_else(folder, tmp_path, trials):
    run(folder, tmp_path)
    trials.clear()
    (gone,) = (tmp_path / "out" / "results").glob("a-00aa/id2/a.json")
    gone.unlink()
    run(folder, tmp_path)
    assert trials == [("id2/a", "runs/a", "id3/a")]


def test_a_changed_record_is_tried_again_and_so_is_whom_it_drives(folder, tmp_path, trials):
    run(folder, tmp_path)
    trials.clear()
    write_folder(folder, {"id3/a": 9})
    run(folder, tmp_path)
    assert trials == [
        ("id2/a", "runs/a", "id3/a"), ("id3/a", None, None), ("id3/a", "runs/a", "id1/a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": SETTINGS._replace(shots=(1, 2, 4))},
        {"settings": SETTINGS._replace(finetune_steps=None)},
        {"settings": SETTINGS._replace(seed=1)},
        {"settings": SETTINGS._replace(drawn=DrawnSet(0, 5.0, 16))},
        {"instruments": Instruments(detector=Finding())},
        {"instruments": Instruments(descriptor=Colour())},
        {"instruments": Instruments(descriptor_file="00aa")},
        {"instruments": Instruments(inception=lambda images: images)},
        {"instruments": Instruments(lpips=lambda a, b: a)},
        {"hardware": HARDWARE._replace(dtype="bfloat16")},
    ],
    ids=[
        "shots", "steps", "seed", "drawn", "detector", "descriptor", "file", "inception", "lpips",
        "precision",
    ],
)  # fmt: skip
def test_what_was_measured_otherwise_is_tried_again(folder, tmp_path, trials, changes):
    run(folder, tmp_path)
    trials.clear()
    for _ in range(2):
        run(folder, tmp_path, **changes)
    assert len(trials) == 8


def test_another_size_of_the_images_is_tried_again(folder, tmp_path, trials):
    run(folder, tmp_path)
    trials.clear()
    run(folder, tmp_path, plan=plan_of(folder, image_size=32))
    assert len(trials) == 8


def test_another_number_of_hold_out_frames_is_tried_again(folder, tmp_path, trials):
    run(folder, tmp_path, plan=plan_of(folder, cross=False))
    trials.clear()
    run(folder, tmp_path, plan=plan_of(folder, cross=False, held_out=2))
    assert len(trials) == 8


def test_another_model_of_the_same_name_is_tried_beside_it(folder, tmp_path, trials):
    run(folder, tmp_path)
    trials.clear()
    run(folder, tmp_path, model("runs/a", "00ff"))
    assert [who for _, who, _ in trials] == ["runs/a"] * 4, "not the baselines"
    trials.clear()
    run(folder, tmp_path)
    assert trials == [], "the old one's results are still there"


def test_models_of_one_folder_name_do_not_mix(folder, tmp_path, trials):
    done = run(folder, tmp_path, model("x/a", "0001"), model("y/a", "0002"))
    assert len(trials) == 12
    assert list(done.contestants) == ["x/a", "y/a"]
    assert {path.name for path in (tmp_path / "out" / "results").iterdir()} == {
        "baselines", "a-0001", "a-0002",
    }  # fmt: skip


def test_without_cross_reenactment_nobody_drives(folder, tmp_path, trials):
    run(folder, tmp_path, plan=plan_of(folder, cross=False))
    assert {driver for _, _, driver in trials} == {None}
    trials.clear()
    run(folder, tmp_path)
    assert [entry for entry in trials if entry[1] is None] == [], "baselines have no driver"
    assert len(trials) == 4


def test_a_smaller_choice_of_videos_is_read_from_the_larger(folder, tmp_path, trials):
    run(folder, tmp_path, plan=plan_of(folder, cross=False))
    trials.clear()
    done = run(folder, tmp_path, plan=plan_of(folder, videos=["id1/b", "id3/a"], cross=False))
    assert trials == []
    assert [result.rows for result in done.contestants["runs/a"]] == [
        made_up(0.51).rows, made_up(0.53).rows,
    ]  # fmt: skip


def test_the_driver_is_the_next_video_of_another_person_in_a_circle():
    assert [driver_of(video, VIDEOS) for video in VIDEOS] == ["id2/a", "id2/a", "id3/a", "id1/a"]
    for videos in (VIDEOS, ["id1/a", "id10/a"], ["a", "b", "c"]):
        for video in videos:
            driver = driver_of(video, videos)
            assert driver.split("/")[0] != video.split("/")[0]
    assert driver_of("id1/a", ["id1/a", "id1/b"]) is None
    assert driver_of("id1/a", ["id1/a"]) is None


def test_one_person_alone_is_tried_with_the_own_motion(folder, tmp_path, trials):
    videos = ["id1/a", "id1/b"]
    run(folder, tmp_path, plan=plan_of(folder, videos=videos))
    assert trials == [(video, who, None) for video in videos for who in (None, "runs/a")]


def test_what_is_done_stays_when_a_later_trial_fails(folder, tmp_path, trials, monkeypatch):
    class Failing(comparison.Trial):
        def of(self, contestant, driver):
            if self.subject.video == "id2/a":
                raise FloatingPointError("a loss is not finite")
            return super().of(contestant, driver)

    plain = comparison.Trial
    monkeypatch.setattr(comparison, "Trial", Failing)
    with pytest.raises(FloatingPointError):
        run(folder, tmp_path)
    trials.clear()
    monkeypatch.setattr(comparison, "Trial", plain)
    run(folder, tmp_path)
    assert trials == [
        ("id2/a", "runs/a", "id3/a"), ("id3/a", None, None), ("id3/a", "runs/a", "id1/a"),
    ]  # fmt: skip


def test_a_damaged_record_is_named(folder, tmp_path, trials):
    path = video_path(folder, "id2/a")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="id2/a"):
        run(folder, tmp_path)
