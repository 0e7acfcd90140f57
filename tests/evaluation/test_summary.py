"""From results of many videos to means, intervals, FID and duels."""

import numpy as np
import pytest
import torch

from evaluation.comparison import Comparison
from evaluation.summary import Interval, bootstrap, summarize
from evaluation.trial import COPY, FEED_FORWARD, FINE_TUNED, MEAN
from metric.frechet import frechet_distance
from tests.evaluation.conftest import made_up, made_up_baselines, made_up_comparison


def rows_by(summary):
    return {(row.model, row.shots, row.method): row.scores for row in summary.rows}


def test_the_interval_of_equal_values_has_no_width():
    assert bootstrap([0.25] * 7, seed=0) == Interval(0.25, 0.25, 0.25, 7)
    assert bootstrap([3], seed=0) == Interval(3, 3, 3, 1)


def test_the_interval_is_the_percentiles_of_resampled_means():
    values = np.random.default_rng(1).normal(5, 2, 40)
    interval = bootstrap(values, seed=0)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.videos == 40
    half = 1.96 * values.std() / 40**0.5
    assert interval.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    two = bootstrap([0, 1], seed=0)  # 1/4 of the resampled means are 0, 1/4 are 1
    assert two[:3] == (0.5, 0, 1)


def test_the_interval_is_repeated_by_its_seed():
    values = np.random.default_rng(1).normal(size=9).tolist()
    assert bootstrap(values, seed=3) == bootstrap(values, seed=3)
    assert bootstrap(values, seed=3) != bootstrap(values, seed=4)


def test_every_party_has_the_mean_over_videos_of_each_t_and_method():
    summary = summarize(made_up_comparison([0.2, 0.4, 0.6], ["runs/a", "runs/b"]), seed=0)
    rows = rows_by(summary)
    assert list(rows) == [
        *(("", shots, method) for shots in (1, 4) for method in (COPY, MEAN)),
        *(
            (model, shots, method)
            for model in ("runs/a", "runs/b")
            for shots in (1, 4)
            for method in (FEED_FORWARD, FINE_TUNED)
        ),
    ]
    assert rows["", 1, COPY]["ssim"].mean == pytest.approx(0.5)
    for model in ("runs/a", "runs/b"):
        assert rows[model, 4, FEED_FORWARD]["ssim"] == bootstrap([0.2, 0.4, 0.6], 0)
        assert rows[model, 4, FINE_TUNED]["ssim"].mean == pytest.approx(0.5)
    assert {row.motion for row in summary.rows} == {""}


def test_another_ones_motion_and_the_curve_are_averaged_alike():
    summary = summarize(made_up_comparison([0.2, 0.6]), seed=0)
    assert [row[:4] for row in summary.cross] == [
        ("runs/a", 4, method, motion)
        for method in (FEED_FORWARD, FINE_TUNED)
        for motion in ("absolute", "relative")
    ]
    assert summary.cross[0].scores == {"pose_error": bootstrap([1.2, 1.6], 0)}
    assert [entry[:3] for entry in summary.curve] == [
        ("runs/a", shots, step) for shots in (1, 4) for step in (0, 5, 10)
    ]
    assert summary.curve[1][3]["ssim"].mean == pytest.approx(0.45)


def test_what_is_no_number_is_left_out_and_counted():
    comparison = made_up_comparison([0.2, 0.4, 0.6])
    for result, error in zip(comparison.contestants["runs/a"], (3.0, None, 5.0), strict=True):
        for row in result.rows:
            row["scores"] |= {"pose_error": error, "jitter": None}
    scores = rows_by(summarize(comparison, seed=0))["runs/a", 1, FINE_TUNED]
    assert scores["pose_error"] == bootstrap([3.0, 5.0], 0)
    assert scores["pose_error"].videos == 2
    assert scores["ssim"].videos == 3
    assert "jitter" not in scores


def test_fid_is_of_all_frames_of_all_videos():
    comparison = made_up_comparison([0.2, 0.4, 0.6], ["runs/a"])
    for at, result in enumerate(comparison.baselines):
        result.features["truth"] += np.float32([at, at * at])
    rows = rows_by(summarize(comparison, seed=0))
    truth = np.concatenate([result.features["truth"] for result in comparison.baselines])
    for (model, shots, method), scores in rows.items():
        results = comparison.contestants[model] if model else comparison.baselines
        drawn = np.concatenate([result.features[f"{shots} {method}"] for result in results])
        expected = frechet_distance(torch.from_numpy(drawn), torch.from_numpy(truth))
        assert scores["fid"] == Interval(expected, expected, expected, 9)
    assert rows["runs/a", 1, FEED_FORWARD]["fid"] != rows["runs/a", 1, FINE_TUNED]["fid"]


def test_without_inception_there_is_no_fid():
    comparison = made_up_comparison([0.2, 0.4])
    for result in [*comparison.baselines, *comparison.contestants["runs/a"]]:
        result.features.clear()
    assert all("fid" not in row.scores for row in summarize(comparison, seed=0).rows)


def test_one_frame_has_no_fid():
    comparison = made_up_comparison([0.2])
    for result in [*comparison.baselines, *comparison.contestants["runs/a"]]:
        for name in result.features:
            result.features[name] = result.features[name][:1]
    assert all("fid" not in row.scores for row in summarize(comparison, seed=0).rows)


def test_duels_count_the_videos_on_which_the_first_is_better():
    ours = [made_up(ssim, tuned) for ssim, tuned in ((0.4, 0.2), (0.5, 0.1), (0.9, -0.3))]
    copied = [made_up_baselines(ssim) for ssim in (0.5, 0.5, 0.5)]
    duels = summarize(Comparison(["a", "b", "c"], copied, {"m": ours}), seed=0).duels
    assert [duel[:6] for duel in duels] == [
        entry
        for shots in (1, 4)
        for entry in (
            ("m", shots, FEED_FORWARD, COPY, 1, 3),
            ("m", shots, FINE_TUNED, COPY, 3, 3),
            ("m", shots, FINE_TUNED, FEED_FORWARD, 2, 3),
        )
    ]
    gains = [duel.gain for duel in duels[:3]]
    assert gains == [pytest.approx(x) for x in ((-0.1 + 0 + 0.4) / 3, 0.3 / 3, 0.0)]


def test_without_fine_tuning_only_the_feed_forward_answer_duels():
    comparison = made_up_comparison([0.4, 0.7])
    for result in comparison.contestants["runs/a"]:
        result.rows[:] = [row for row in result.rows if row["method"] == FEED_FORWARD]
    duels = summarize(comparison, seed=0).duels
    assert [duel[1:6] for duel in duels] == [(shots, FEED_FORWARD, COPY, 1, 2) for shots in (1, 4)]
