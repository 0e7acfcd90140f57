"""train.py as a user runs it: what it leaves, and what its options change or do not change."""

import json

import numpy as np
import pytest

from dataset.episodes import VoxCelebDataset
from dataset.images import read_image
from tests.conftest import TINY
from tests.provenance import OTHER, folder_of_other_detector
from tests.runs import assert_same_run, call, call_tiny, log, weights
from tests.train_script.conftest import RESUMABLE
from training.checkpoint import load
from training.loops import SAMPLE_EPOCH
from training.provenance import detectors_of


def test_a_run_leaves_what_the_readme_promises(trained):
    for name in ("config.json", "stats.jsonl", "curves.png", "last.pt"):
        assert (trained / name).stat().st_size > 0
    assert (trained / "samples" / "00000004.png").is_file()
    assert (trained / "checkpoints" / "00000004.pt").is_file()
    line = log(trained)[-1]
    assert line["step"] == 4
    assert {"l1", "adversarial", "feature_matching", "matching", "discriminator"} <= line.keys()
    config = json.loads((trained / "config.json").read_text())
    assert config["networks"]["image_size"] == 64
    assert not list(trained.rglob(".partial*"))


def test_meta_is_the_default_subcommand(data, trained, tmp_path):
    run = tmp_path / "run"
    done = call("meta", "--data", data, "--run", run, "--steps", 4, *TINY)
    assert done.returncode == 0, done.stderr
    assert_same_run(trained, run)


def test_p2_the_matching_weight_rises_from_zero(data, tmp_path):
    done = call_tiny(data, tmp_path / "a", "--steps", 1, "--matching-warmup", 1)
    assert done.returncode == 0, done.stderr
    done = call_tiny(data, tmp_path / "b", "--steps", 1, "--matching-weight", 0)
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "a")[1].keys() == weights(tmp_path / "b")[1].keys()
    assert_same_run(tmp_path / "a", tmp_path / "b")


def test_a_run_computed_in_the_plainest_way_learns_the_same(data, tmp_path):
    plain = ["--no-channels-last", "--no-fused-optimizer", "--no-joint-judgement"]
    plain += ["--power-iteration-per-forward", "--accumulate", 2, "--checkpoint-embedder"]
    for run, options in (("usual", ["--cudnn-benchmark"]), ("plain", plain)):
        done = call_tiny(data, tmp_path / run, "--steps", 2, "--precision", "float32", *options)
        assert done.returncode == 0, done.stderr
    first, second = (log(tmp_path / run) for run in ("usual", "plain"))
    for name in ("l1", "discriminator", "feature_matching", "row_norm"):
        assert first[-1][name] == pytest.approx(second[-1][name], rel=1e-2), name
    config = json.loads((tmp_path / "plain" / "config.json").read_text())
    assert config["speed"]["accumulate"] == 2


def test_the_number_of_workers_changes_nothing(data, undisturbed, tmp_path):
    done = call_tiny(data, tmp_path / "run", *RESUMABLE, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert_same_run(undisturbed, tmp_path / "run")


def test_videos_mixed_in_have_rows_of_w_and_a_stopped_run_goes_on_with_them(data, others, tmp_path):
    for run, stops in (("whole", [4]), ("stopped", [1, 4])):
        for steps in stops:
            words = ["--mix", others, "--steps", steps, "--log-every", 1]
            done = call_tiny(data, tmp_path / run, *words)
            assert done.returncode == 0, done.stderr
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")
    payload = load(tmp_path / "whole", "run")
    videos = [
        video for folder in (data, others) for video in (folder / "videos.txt").read_text().split()
    ]
    assert payload["videos"] == videos
    (state,) = payload["optimizers"]["video_embeddings"]["state"].values()
    moved = state["exp_avg_sq"].sum(1) > 0
    own = len(videos) // 2 + 1
    assert moved[:own].sum() == moved[own:].sum() == 4, "four steps of one video of each"


def test_a_run_and_its_export_know_the_detectors_of_their_data_and_of_what_is_mixed_in(
    trained, data, others, tmp_path
):
    assert detectors_of(load(trained, "run")["config"]) == ("stored",)
    mix = folder_of_other_detector(others, tmp_path / "mix")
    run, model = tmp_path / "run", tmp_path / "model.pt"
    for words in (
        ("--data", data, "--run", run, *TINY, "--mix", mix, "--steps", 1),
        ("export", "--checkpoint", run, "--output", model),
    ):
        done = call(*words)
        assert done.returncode == 0, done.stderr
    written = json.loads((run / "config.json").read_text())
    configs = [written, load(run, "run")["config"], load(model, "model")["config"]]
    assert [detectors_of(config) for config in configs] == [(OTHER, "stored")] * 3


def test_p18_a_picture_survives_load_network_range_and_save_upright(trained, data):
    grid = read_image(trained / "samples" / "00000004.png")
    assert grid.shape == (5 * 64, 5 * 64, 3)  # 2 sources, landmarks, output, target
    episode = VoxCelebDataset(data, sources=2, image_size=64)[SAMPLE_EPOCH, 0]
    stored = episode.source[0].permute(1, 2, 0).numpy()
    assert np.array_equal(grid[:64, :64], stored)
    assert not np.array_equal(grid[:64, :64], stored.transpose(1, 0, 2)), "axes are told apart"
    assert np.array_equal(grid[:64, 4 * 64 :], episode.target.permute(1, 2, 0).numpy())
