"""Frames that were shown at any moments are shown at these at a constant rate."""

import numpy as np
import pytest

from dataset.video.timing import constant_rate, frames_until, repeats


def at(*moments, fps, end):
    """How often each of several items is shown."""
    return [count for count, _ in repeats(zip(moments, "abcdefgh", strict=False), fps, end)]


def test_frames_at_the_rate_of_the_result_are_shown_once_each():
    assert at(0, 0.1, 0.2, 0.3, fps=10, end=0.4) == [1, 1, 1, 1]


def test_frames_that_come_a_little_early_or_late_are_neither_doubled_nor_lost():
    assert at(0, 0.104, 0.196, 0.303, fps=10, end=0.4) == [1, 1, 1, 1]


def test_a_pause_repeats_the_frame_before_it_and_haste_drops_frames():
    assert at(0, 0.1, 0.6, 0.63, 0.66, 0.7, fps=10, end=0.8) == [1, 5, 0, 1, 0, 1]


def test_what_comes_late_is_held_from_the_start():
    assert at(0.5, 0.6, fps=10, end=0.7) == [6, 1]


def test_an_only_frame_is_shown_once_however_short_it_is():
    assert at(0, fps=25, end=0.001) == [1]
    assert at(fps=25, end=1) == []


def test_items_are_taken_one_ahead_and_no_more():
    taken = []

    def moments():
        for index in range(10):
            taken.append(index)
            yield index / 25, index

    shown = repeats(moments(), 25, 0.4)
    assert next(shown) == (1, 0)
    assert taken == [0, 1]


@pytest.mark.parametrize("usual", [24000 / 1001, 25, 30000 / 1001, 50, 60000 / 1001])
@pytest.mark.parametrize("unit", [1 / 90_000, 1 / 1000])
def test_a_steady_rate_is_found_whatever_the_header_and_the_clock_say(usual, unit):
    times = np.round(np.arange(200) / usual / unit) * unit
    assert constant_rate(times, 12.3) == pytest.approx(usual, abs=1e-9)


def test_an_unusual_steady_rate_is_kept():
    assert constant_rate(np.arange(100) / 2.4, 2.4) == pytest.approx(2.4)


def test_a_varying_rate_becomes_that_of_its_fast_part_up_to_60():
    fast_then_slow = np.concatenate([np.arange(25) / 25, 1 + np.arange(20) / 10])
    assert constant_rate(fast_then_slow, 15.5) == pytest.approx(25)
    assert constant_rate(np.cumsum([0, 1, 0.001, 0.001, 0.5, 0.001]), 4) == 60


def test_one_frame_has_the_rate_of_its_file():
    assert constant_rate(np.zeros(1), 30) == 30


def test_frames_until_a_moment_are_those_whose_middle_comes_before_it():
    assert [frames_until(moment, 10) for moment in (0, 0.04, 0.06, 0.14, 0.16)] == [0, 0, 1, 1, 2]
