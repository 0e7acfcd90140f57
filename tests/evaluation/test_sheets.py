"""Sheets of the best, the middling and the worst."""

import numpy as np
import pytest

from dataset.images import read_image
from evaluation import sheets
from evaluation.comparison import Comparison
from evaluation.sheets import LINE, MARGIN, SMALLEST, lay_out, write_sheets
from tests.evaluation.conftest import made_up, made_up_baselines, made_up_comparison, strip


@pytest.fixture
def shown(monkeypatch):
    """What is laid out, sheet by sheet."""
    seen = []

    def noted(rows):
        seen.append(rows)
        return lay_out(rows)

    monkeypatch.setattr(sheets, "lay_out", noted)
    return seen


SSIMS = [0.31, 0.79, 0.55, 0.12, 0.93, 0.68, 0.41, 0.27, 0.86]


def test_six_videos_are_shown_from_the_true_best_to_the_true_worst(shown, tmp_path):
    comparison = made_up_comparison(SSIMS)
    written = write_sheets(comparison, tmp_path)
    assert written == [tmp_path / "sheet.png", tmp_path / "cross_sheet.png"]
    ranked = sorted(SSIMS, reverse=True)
    expected = [ranked[place] for place in (0, 1, 3, 4, 7, 8)]
    names = ("best", "best", "median", "median", "worst", "worst")
    for rows in shown:
        assert list(rows) == [
            f"{name}  {ssim + 0.1:.3f} SSIM  id{SSIMS.index(ssim)}/a"
            for name, ssim in zip(names, expected, strict=True)
        ]
    for strip_shown, ssim in zip(shown[0].values(), expected, strict=True):
        own = comparison.contestants["runs/a"][SSIMS.index(ssim)].strips["self"]
        assert strip_shown is own


def test_the_rank_is_of_the_last_method_with_the_largest_t(shown, tmp_path):
    good_at_last = made_up(0.3, tuned=0.6)
    results = [made_up(0.8, tuned=-0.1), good_at_last]
    write_sheets(Comparison(["x", "y"], [made_up_baselines(0.5)] * 2, {"m": results}), tmp_path)
    assert list(shown[0]) == ["0.900 SSIM  y", "0.700 SSIM  x"]


def test_with_another_ones_motion_the_rank_is_of_the_truth_where_it_is_known(shown, tmp_path):
    results = [made_up(ssim) for ssim in (0.2, 0.4)]
    for result, ssim in zip(results, (0.8, 0.3), strict=True):
        for row in result.cross:
            off = -0.7 if row["motion"] == "relative" else 0.0
            row["scores"]["ssim"] = ssim + off - 0.2 * (row["method"] == "feed-forward")
    write_sheets(Comparison(["x", "y"], [made_up_baselines(0.5)] * 2, {"m": results}), tmp_path)
    assert list(shown[1]) == ["0.800 SSIM  x", "0.300 SSIM  y"]
    assert list(shown[0]) == ["0.500 SSIM  y", "0.300 SSIM  x"]


@pytest.mark.parametrize("count", [1, 2, 6])
def test_fewer_videos_are_all_shown_from_best_to_worst(shown, tmp_path, count):
    write_sheets(made_up_comparison(SSIMS[:count]), tmp_path)
    ranked = sorted(SSIMS[:count], reverse=True)
    assert [float(name.split()[0]) for name in shown[0]] == [round(x + 0.1, 3) for x in ranked]


def test_equal_videos_do_not_need_an_order_of_pictures(shown, tmp_path):
    write_sheets(made_up_comparison([0.5] * 9), tmp_path)
    assert len(shown[0]) == 6


def test_seven_videos_are_shown_once_each(shown, tmp_path):
    write_sheets(made_up_comparison(SSIMS[:7]), tmp_path)
    videos = [name.split()[-1] for name in shown[0]]
    assert len(set(videos)) == 6


def test_without_another_ones_motion_there_is_one_sheet(tmp_path):
    comparison = made_up_comparison([0.2, 0.4])
    for result in comparison.contestants["runs/a"]:
        del result.strips["cross"]
        result.cross.clear()
    assert write_sheets(comparison, tmp_path) == [tmp_path / "sheet.png"]
    assert not (tmp_path / "cross_sheet.png").exists()


def test_every_model_has_its_rows_whatever_its_name(shown, tmp_path):
    models = ["runs/a", "läufe/模型"]
    write_sheets(made_up_comparison([0.2, 0.4], models), tmp_path)
    assert len(shown[0]) == 4
    assert [name.split(": ")[0] for name in shown[0]] == [models[0]] * 2 + [models[1]] * 2
    height, width, _ = read_image(tmp_path / "sheet.png").shape
    assert (height, width) == (2 * LINE + 4 * SMALLEST, MARGIN + 3 * SMALLEST)


def test_pictures_stand_in_columns_under_their_names():
    rows = {"one": strip("a", "b", size=SMALLEST, value=1), "two": strip("a", "b", size=SMALLEST)}
    sheet = lay_out(rows)
    assert sheet.shape == (2 * LINE + 2 * SMALLEST, MARGIN + 2 * SMALLEST, 3)
    for number, row in enumerate(rows.values()):
        top = 2 * LINE + number * SMALLEST
        for column, picture in enumerate(row.values()):
            left = MARGIN + column * SMALLEST
            part = sheet[top : top + SMALLEST, left : left + SMALLEST]
            assert np.array_equal(part, picture)
    titles, names = sheet[: 2 * LINE, MARGIN:], sheet[2 * LINE :, :MARGIN]
    for text in (titles[:, :SMALLEST], titles[:, SMALLEST:], names[:SMALLEST], names[SMALLEST:]):
        assert 0.5 < (text == 255).mean() < 1, "written on"


def test_small_pictures_are_enlarged_and_large_ones_are_not_shrunk():
    assert lay_out({"one": strip("a", size=32)}).shape[1] == MARGIN + SMALLEST
    large = lay_out({"one": strip("a", size=200)})
    assert large.shape == (2 * LINE + 200, MARGIN + 200, 3)


def test_rows_of_other_columns_get_their_own_names():
    sheet = lay_out({"one": strip("a", "b"), "two": strip("a", "b"), "three": strip("c")})
    assert sheet.shape == (2 * 2 * LINE + 3 * SMALLEST, MARGIN + 2 * SMALLEST, 3)
    assert (sheet[-SMALLEST:, MARGIN + SMALLEST :] == 255).all()
