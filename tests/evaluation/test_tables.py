"""The tables that people read."""

import re

import pytest

from evaluation.measures import MEASURES
from evaluation.summary import Duel, Interval, Row, Summary, summarize
from evaluation.tables import markdown, report
from evaluation.trial import COPY, FEED_FORWARD, FINE_TUNED
from tests.evaluation.conftest import made_up_comparison

# Data, method, T, FID, SSIM, CSIM: typed a second time, so that a slip of either shows.
PAPERS = """
VoxCeleb1 X2Face 1 45.8 0.68 0.16
VoxCeleb1 X2Face 8 51.5 0.73 0.17
VoxCeleb1 X2Face 32 56.5 0.75 0.18
VoxCeleb1 Pix2pixHD 1 42.7 0.56 0.09
VoxCeleb1 Pix2pixHD 8 35.1 0.64 0.12
VoxCeleb1 Pix2pixHD 32 24.0 0.70 0.16
VoxCeleb1 Ours 1 43.0 0.67 0.15
VoxCeleb1 Ours 8 38.0 0.71 0.17
VoxCeleb1 Ours 32 29.5 0.74 0.19
VoxCeleb2 Ours-FF 1 46.1 0.61 0.42
VoxCeleb2 Ours-FF 8 42.2 0.64 0.47
VoxCeleb2 Ours-FF 32 40.4 0.65 0.48
VoxCeleb2 Ours-FT 1 48.5 0.64 0.35
VoxCeleb2 Ours-FT 8 42.2 0.68 0.42
VoxCeleb2 Ours-FT 32 30.6 0.72 0.45
"""


def told(summary, left_out=(), videos=50, held_out=32):
    return report(summary, {"descriptor": "ArcFace"}, dict(left_out), videos, held_out)


def table(text, heading):
    """Cells of the table below a heading, row by row."""
    section = text.split(f"## {heading}", 1)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture
def summary():
    return summarize(made_up_comparison([0.25, 0.5]), seed=0)


def scored(**scores):
    return {name: Interval(mean, mean - 0.02, mean + 0.04, 9) for name, mean in scores.items()}


def test_columns_are_straight_as_plain_text():
    text = markdown(["T", "method"], [["1", "copy nearest"], ["128", "a"]])
    assert text.splitlines() == [
        "| T   | method       |",
        "|-----|--------------|",
        "| 1   | copy nearest |",
        "| 128 | a            |",
    ]


def test_every_table_of_the_report_is_straight(summary):
    blocks = re.findall(r"(?:^\|.*\n)+", told(summary), re.MULTILINE)
    assert len(blocks) == 4
    for block in blocks:
        lines = block.splitlines()
        bars = {tuple(i for i, letter in enumerate(line) if letter == "|") for line in lines}
        assert len(bars) == 1
        assert set(lines[1]) == set("|-")


def test_cells_show_mean_and_half_of_the_interval_in_the_measures_digits():
    rows = [
        Row("", 1, COPY, "", scored(ssim=0.5, psnr=20.0)),
        Row("a", 1, FEED_FORWARD, "", scored(ssim=0.71251, l1=0.01234) | {
            "fid": Interval(12.345, 12.345, 12.345, 400)}),
    ]  # fmt: skip
    header, _, copied, drawn = table(told(Summary(rows, [], [], [])), "Own motion")
    assert header == ["T", "method", "SSIM ↑", "PSNR ↑", "L1 ↓", "FID ↓"]
    assert copied == ["1", COPY, "0.500 ± 0.030", "20.00 ± 0.03", "-", "-"]
    assert drawn == [
        "1", FEED_FORWARD, "0.713 ± 0.030", "-", "0.0123 ± 0.0300", "12.3 (N = 400)",
    ]  # fmt: skip


def test_measures_that_nobody_has_are_neither_columns_nor_explained(summary):
    text = told(summary)
    assert table(text, "Own motion")[0] == ["T", "method", "SSIM ↑", "L1 ↓", "FID ↓"]
    legend = text.split("## Measures")[1]
    assert [line for line in legend.splitlines() if line.startswith("- ")] == [
        f"- {MEASURES[name].title}: {MEASURES[name].meaning}"
        for name in ("ssim", "l1", "fid", "pose_error")
    ]
    assert "LPIPS" not in text


def test_rows_are_in_the_order_of_t(summary):
    shots = [(row[0], row[1]) for row in table(told(summary), "Own motion")[2:]]
    methods = [COPY, "mean frame", FEED_FORWARD, FINE_TUNED]
    assert shots == [(count, method) for count in "14" for method in methods]


def test_the_heading_says_how_much_was_measured(summary):
    assert "50 videos, 32 hold-out frames of each" in told(summary)


def test_reasons_are_told_once_with_all_that_they_cost(summary):
    text = told(summary, {"lpips": "no file a", "jitter": "no b", "leak": "no b"})
    assert [line for line in text.splitlines() if line.startswith("- left out")] == [
        "- left out: LPIPS: no file a", "- left out: jitter, leak: no b",
    ]  # fmt: skip
    assert "left out" not in told(summary)


def test_several_models_have_a_column():
    comparison = made_up_comparison([0.25, 0.5], ["runs/a", "runs/b"])
    text = told(summarize(comparison, seed=0))
    for heading in ("Own motion", "Another person's motion", "Who is better"):
        header, _, *rows = table(text, heading)
        assert header[0] == "model"
        assert {row[0] for row in rows} - {"-"} == {"runs/a", "runs/b"}
    assert [row[0] for row in table(text, "Own motion")[2:4]] == ["-", "-"]
    alone = told(summarize(made_up_comparison([0.25, 0.5]), seed=0))
    assert "model" not in alone.split("## The paper")[0]


def test_duels_are_told_in_words():
    duel = Duel("a", 8, FINE_TUNED, COPY, 37, 50, 0.01249)
    text = told(Summary([Row("", 1, COPY, "", scored(ssim=0.5))], [], [], [duel]))
    header, _, row = table(text, "Who is better")
    assert header == ["T", "method", "against", "better on", "mean gain"]
    assert row == ["8", FINE_TUNED, COPY, "37 of 50", "+0.012"]
    worse = told(Summary([], [], [], [duel._replace(gain=-0.5)]))
    assert table(worse, "Who is better")[2][-1] == "-0.500"


def test_another_ones_motion_names_the_ways_to_drive(summary):
    header, _, *rows = table(told(summary), "Another person's motion")
    assert header == ["T", "method", "motion", "pose ↓"]
    assert [row[:3] for row in rows] == [
        ["4", method, motion]
        for motion in ("absolute", "relative")
        for method in (FEED_FORWARD, FINE_TUNED)
    ]
    assert "Another person's motion" not in told(summary._replace(cross=[]))


def test_the_papers_table_is_shown_as_unconfirmed(summary):
    text = told(summary)
    header, _, *rows = table(text, "The paper's numbers")
    assert "UNCONFIRMED" in text.split("## The paper's numbers")[1].split("|")[0]
    assert header == ["data", "method", "T", "FID ↓", "SSIM ↑", "CSIM ↑"]
    numbers = [" ".join(row) for row in rows]
    assert numbers == PAPERS.strip().splitlines()
