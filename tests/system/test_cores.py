"""Cores that others keep busy are seen."""

import pytest

from system import cores


@pytest.mark.parametrize(
    ("busy", "idle", "free"), [(0, 60, 4), (15, 45, 3), (30, 30, 2), (60, 0, 1), (4, 56, 4)]
)
def test_cores_are_idle_by_the_share_of_their_ticks(monkeypatch, tmp_path, busy, idle, free):
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 900 10 0 0 0 0 0\ncpu0 1 2 3\n")
    monkeypatch.setattr(cores, "STAT", stat)
    monkeypatch.setattr(cores, "cores", lambda: 4)
    monkeypatch.setattr("os.cpu_count", lambda: 4)

    def pass_time(seconds):
        stat.write_text(f"cpu  {100 + busy} 0 50 {900 + idle} 10 0 0 0 0 0\n")

    monkeypatch.setattr("time.sleep", pass_time)
    assert cores.idle_cores() == free


def test_where_the_system_does_not_tell_all_cores_count_as_idle(monkeypatch, tmp_path):
    monkeypatch.setattr(cores, "STAT", tmp_path / "gone")
    assert cores.idle_cores() == cores.cores() >= 1
