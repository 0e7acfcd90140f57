"""Numbers out of their range are refused by name, before anything is loaded or written."""

import dataclasses
import math

import pytest

import cli
import config
from tests.conftest import run_script

OPTIONS = [c for c in vars(config).values() if dataclasses.is_dataclass(c)]
# Their ranges depend on the data or on the networks, and are checked there.
CHECKED_WHERE_USED = {
    "image_size", "frames_per_video", "jpeg_quality", "limit", "sources", "fps", "gain_offset",
    *(field.name for field in dataclasses.fields(config.LossWeights)),
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_every_number_has_a_range_and_a_default_within_it(options):
    for field in dataclasses.fields(options):
        if field.type in (int, float, int | None, float | None):
            assert (field.name in config.RANGES) != (field.name in CHECKED_WHERE_USED), field.name
            if isinstance(field.default, int | float) and field.name in config.RANGES:
                least, most = config.RANGES[field.name]
                assert least <= field.default <= most


@pytest.mark.parametrize("option", ["batch_size", "log_every", "steps", "seed", "ema"])
@pytest.mark.parametrize("value", [-1, math.nan])
def test_a_number_out_of_range_is_refused_with_name_rule_and_value(option, value):
    with pytest.raises(ValueError, match=rf"--{option.replace('_', '-')} must be .*, got {value}"):
        config.Train("data", "run", **{option: value})


@pytest.mark.parametrize("option", ["generator_lr", "discriminator_lr"])
def test_a_learning_rate_of_0_is_refused(option):
    with pytest.raises(ValueError, match=rf"--{option.replace('_', '-')} must be .*, got 0"):
        config.Optimization(**{option: 0.0})


def test_the_command_line_refuses_it_in_one_line_with_status_2(capsys):
    words = ["--data", "data", "--run", "run", "--preset", "demo", "--batch-size", "0"]
    with pytest.raises(SystemExit) as stop:
        cli.parse(config.Train, "train.py", words, config.PRESETS)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("train.py: ")
    assert "--batch-size must be at least 1, got 0" in line


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_missing_option_is_named_in_one_line_on_any_terminal(encoding):
    # As train.py does, which takes seconds to import PyTorch.
    parse = "import cli, config; cli.parse(config.Train, 'train.py', None, config.PRESETS)"
    done = run_script("-c", parse, "--data", "x", env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("train.py: ")
    assert "--run" in line
    assert "--data" not in line
