"""Files appear whole or not at all; what a killed writer left is removed."""

import os
import subprocess
import sys

import pytest

from system.files import remove_stale, replacing, replacing_folder
from tests.conftest import leave_half_written


def test_temporary_files_of_dead_writers_are_removed_and_those_of_living_ones_kept(tmp_path):
    leave_half_written(tmp_path / "id1" / "a.pkl")
    (stale,) = (tmp_path / "id1").iterdir()
    living = tmp_path / stale.name.replace(stale.name.split("-")[2], str(os.getppid()))
    elsewhere = tmp_path / stale.name.replace(stale.name.split("-")[1], "00000000")
    for path in (living, elsewhere):
        path.write_bytes(b"half")
    remove_stale(tmp_path)
    assert not stale.exists()
    assert living.exists()
    assert elsewhere.exists()
    os.utime(elsewhere, (0, 0))
    remove_stale(tmp_path)
    assert not elsewhere.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_dead_writer_whom_nobody_has_buried_counts_as_gone(tmp_path):
    with replacing(tmp_path / "a.pkl") as partial:
        partial.write_bytes(b"whole")
        name = partial.name
    dead = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is left as it is
    left = tmp_path / name.replace(name.split("-")[2], str(dead.pid))
    left.write_bytes(b"half")
    remove_stale(tmp_path)
    assert not left.exists()
    dead.wait()


def test_an_error_of_the_disk_names_the_file_and_not_the_temporary_one(tmp_path):
    with pytest.raises(OSError, match=r"a\.pkl") as error, replacing(tmp_path / "a.pkl"):
        raise OSError(28, "No space left on device")
    assert ".partial" not in str(error.value)


def test_a_folder_appears_whole_or_not_at_all_and_a_dead_writers_is_removed(tmp_path):
    with replacing_folder(tmp_path / "frames") as partial:
        partial.mkdir()
        (partial / "0.png").write_bytes(b"whole")
        name = partial.name
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]
    with pytest.raises(OSError, match="frames"), replacing_folder(tmp_path / "frames") as partial:
        partial.mkdir()
        (partial / "1.png").write_bytes(b"another")
    assert [path.name for path in tmp_path.rglob("*.png")] == ["0.png"]
    left = tmp_path / name  # as if this process had been killed
    left.mkdir()
    (left / "0.png").write_bytes(b"half")
    remove_stale(tmp_path)
    assert not left.exists()
