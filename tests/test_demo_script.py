"""demo.py from a model that has been learnt already; CI's short demo trains one."""

from tests.conftest import run_script

SHORT = ("--preset", "short", "--unseen-people", "2", "--driving-frames", "4")


def test_the_demo_starts_from_a_run_that_is_named_and_trains_nothing(trained, tmp_path):
    out = tmp_path / "demo"
    done = run_script("demo.py", "--output", str(out), "--checkpoint", str(trained), *SHORT)
    assert done.returncode == 0, done.stderr
    for left in ("animation.mp4", "contact_sheet.png", "metrics.json", "evaluation/table.md"):
        assert (out / left).stat().st_size > 0
    assert "train.py --preset" not in done.stdout
    assert sorted(path.name for path in (out / "data").iterdir()) == ["unseen"]


def test_a_demo_from_a_checkpoint_that_is_missing_says_so_and_draws_nothing(tmp_path):
    out = tmp_path / "demo"
    done = run_script("demo.py", "--output", str(out), "--checkpoint", str(tmp_path / "no.pt"))
    assert done.returncode != 0
    assert done.stderr.splitlines() == [f"demo.py: no checkpoint {tmp_path / 'no.pt'}"]
    assert not out.exists()
