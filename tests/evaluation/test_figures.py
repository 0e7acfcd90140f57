"""Curves against T and against the steps of fine-tuning."""

import pytest

from dataset.images import read_image
from evaluation import figures
from evaluation.figures import write_figures
from evaluation.summary import Interval, Row, Summary, summarize
from evaluation.trial import COPY, FEED_FORWARD, FINE_TUNED, MEAN
from tests.evaluation.conftest import made_up_comparison


@pytest.fixture
def plotted(monkeypatch):
    """What is plotted: file -> measure -> line -> points."""
    seen = {}
    plot = figures._plot

    def noted(panels, axis, scale, path):
        seen[path.name] = panels
        plot(panels, axis, scale, path)

    monkeypatch.setattr(figures, "_plot", noted)
    return seen


def means(points):
    return [(x, pytest.approx(interval.mean)) for x, interval in points]


def test_both_figures_are_pictures(tmp_path):
    summary = summarize(made_up_comparison([0.25, 0.5, 0.75]), seed=0)
    written = write_figures(summary, tmp_path)
    assert written == [tmp_path / "by_shots.png", tmp_path / "by_step.png"]
    assert sorted(tmp_path.iterdir()) == written
    for path in written:
        picture = read_image(path)
        assert min(picture.shape[:2]) > 300
        assert len({tuple(pixel) for pixel in picture.reshape(-1, 3)[::7]}) > 10


def test_every_method_is_a_line_over_t(plotted, tmp_path):
    comparison = made_up_comparison([0.25, 0.75])
    for result in (*comparison.baselines, *comparison.contestants["runs/a"]):
        result.rows.reverse()
    write_figures(summarize(comparison, seed=0), tmp_path)
    panels = plotted["by_shots.png"]
    assert set(panels) == {"ssim", "l1", "fid"}
    lines = {label: means(points) for label, points in panels["ssim"].items()}
    assert lines == {
        COPY: [(1, 0.5), (4, 0.5)], MEAN: [(1, 0.4), (4, 0.4)],
        FEED_FORWARD: [(1, 0.5), (4, 0.5)], FINE_TUNED: [(1, 0.6), (4, 0.6)],
    }  # fmt: skip


def test_lines_of_several_models_have_their_names(plotted, tmp_path):
    summary = summarize(made_up_comparison([0.25, 0.75]), seed=0)
    others = [row._replace(model="runs/b") for row in summary.rows if row.model]
    write_figures(summary._replace(rows=[*summary.rows, *others]), tmp_path)
    names = {
        f"{run} {method}" for run in ("runs/a", "runs/b") for method in (FEED_FORWARD, FINE_TUNED)
    }
    assert set(plotted["by_shots.png"]["ssim"]) == {COPY, MEAN, *names}


def test_every_t_is_a_line_over_the_steps_beside_its_copy(plotted, tmp_path):
    write_figures(summarize(made_up_comparison([0.25, 0.75]), seed=0), tmp_path)
    (lines,) = plotted["by_step.png"].values()
    lines = {label: means(points) for label, points in lines.items()}
    rising = [(0, 0.5), (5, 0.55), (10, 0.6)]
    flat = [(0, 0.5), (10, 0.5)]
    assert lines == {
        "T = 1": rising, "T = 4": rising, f"{COPY}, T = 1": flat, f"{COPY}, T = 4": flat,
    }  # fmt: skip


def test_several_models_have_lines_of_their_own(plotted, tmp_path):
    models = ["runs/a", "läufe/ü"]
    write_figures(summarize(made_up_comparison([0.25, 0.75], models), seed=0), tmp_path)
    lines = list(plotted["by_step.png"]["ssim"])
    assert lines[:4] == [f"{model} T = {shots}" for model in models for shots in (1, 4)]
    assert f"{models[1]} {FINE_TUNED}" in plotted["by_shots.png"]["ssim"]


def test_numbers_of_an_axis_do_not_run_into_each_other_and_the_last_stays():
    assert figures._apart({0, 5, 10, 20, 40, 60, 80, 120, 160}) == [0, 5, 10, 20, 40, 80, 160]
    assert figures._apart({1, 8, 32}) == [1, 8, 32]


def test_one_t_and_one_video_make_a_figure(tmp_path):
    one = {"ssim": Interval(0.5, 0.5, 0.5, 1)}
    summary = Summary([Row("a", 1, FEED_FORWARD, "", one)], [], [("a", 1, 0, one)], [])
    assert len(write_figures(summary, tmp_path)) == 2


def test_without_numbers_there_is_no_figure(tmp_path):
    assert write_figures(Summary([], [], [], []), tmp_path) == []
    one = {"ssim": Interval(0.5, 0.4, 0.6, 3)}
    summary = Summary([Row("a", 1, FEED_FORWARD, "", one)], [], [], [])
    assert write_figures(summary, tmp_path) == [tmp_path / "by_shots.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["by_shots.png"]
