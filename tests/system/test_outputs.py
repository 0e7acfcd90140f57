"""What may be written, and where; nothing is left behind by asking."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from system import outputs
from system.outputs import LEAST_FREE, Input, prepare_file, prepare_folder
from tests.conftest import leave_half_written

PT = [".pt"]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty working folder, of which nothing is left at the end but what was there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def no(folder: Path) -> bool:
    return False


def listing() -> set[str]:
    return {str(path) for path in Path().rglob("*")}


def refused(words: list[str], ask, *arguments, error=(ValueError, OSError), **more) -> None:
    before = listing()
    with pytest.raises(error) as refusal:
        ask(*arguments, **more)
    message = str(refusal.value)
    assert "\n" not in message
    assert message.startswith(more.get("option", "--output"))
    for word in words:
        assert word in message
    assert listing() == before


def test_a_file_that_can_be_written_is_not_made_nor_its_folder(here):
    prepare_file(Path("new/folder/me.PT"), [Input("--source", Path("a.jpg"))], PT)
    prepare_folder(Path("another/folder"), [Input("--data", Path("DATA"))], ["*"], begun=no)
    assert listing() == set()


def test_a_file_that_is_there_stays_as_it_is_until_it_is_written(here):
    Path("me.pt").write_text("older")
    prepare_file(Path("me.pt"), [], PT)
    assert Path("me.pt").read_text() == "older"
    assert listing() == {"me.pt"}


@pytest.mark.parametrize("way", ["itself", "symlink", "hard link", "folder's link", "detour"])
@pytest.mark.parametrize("there", [True, False])
def test_an_input_is_refused_however_it_is_named(here, way, there):
    Path("real").mkdir()
    mine = Path("real/mine.pt")
    if there:
        mine.write_text("mine")
    output = Path("link.pt")
    if way == "itself":
        output = mine
    elif way == "symlink":
        output.symlink_to(mine)
    elif way == "hard link":
        if not there:
            return
        output.hardlink_to(mine)
    elif way == "folder's link":
        Path("other").symlink_to("real")
        output = Path("other/mine.pt")
    else:
        output = Path("real/../real/mine.pt").absolute()
    refused(["another file than --source", str(output)], prepare_file, output,
            [Input("--data", Path("DATA")), Input("--source", mine)], PT)  # fmt: skip


def test_a_file_among_those_that_are_read_of_a_folder_is_refused(here):
    Path("photos/more").mkdir(parents=True)
    Path("elsewhere.jpg").write_text("mine")
    Path("photos/more/linked.jpg").symlink_to(Path("elsewhere.jpg").absolute())
    Path("photos/round").symlink_to(Path("photos").absolute())
    photos = [Input("--source", Path("photos"), (".jpg", ".mp4"))]
    for name in ("photos/me.mp4", "photos/more/new/me.JPG", "photos/round/me.jpg", "elsewhere.jpg"):
        refused(["outside --source photos", name], prepare_file, Path(name), photos, [".jpg"])
    prepare_file(Path("photos/me.pt"), photos, PT)
    prepare_file(Path("photos2/me.mp4"), photos, [".mp4"])
    refused(["outside --source photos"], prepare_folder, Path("photos/new"), photos)


def test_another_suffix_is_refused_with_those_that_are_allowed(here):
    for name in ("me", "me.pth", "pt", ".pt"):
        refused([".pt or .x", f"got {name}"], prepare_file, Path(name), [], [".pt", ".x"])


def test_a_folder_where_a_file_is_to_be_and_a_file_where_a_folder(here):
    Path("folder.pt").mkdir()
    Path("file").write_text("mine")
    Path("nothing").symlink_to("nowhere")
    refused(["folder.pt is a folder"], prepare_file, Path("folder.pt"), [], PT)
    refused(["file/me.pt", "file is a file"], prepare_file, Path("file/me.pt"), [], PT)
    refused(["file is a file"], prepare_file, Path("file/more/me.pt"), [], PT)
    refused(["link to nothing"], prepare_file, Path("nothing/me.pt"), [], PT)
    refused(["file is a file"], prepare_folder, Path("file"), [])
    refused(["file is a file"], prepare_folder, Path("file/new"), [])
    os.mkfifo("pipe.pt")
    refused(["pipe.pt is no file"], prepare_file, Path("pipe.pt"), [], PT)


@pytest.mark.parametrize(
    "name", ["x" * 256 + ".pt", "new/" + "x" * 256 + ".pt", "y/" * 2100 + ".pt"]
)
def test_a_name_that_no_disk_takes_is_refused(here, name):
    refused(["too long"], prepare_file, Path(name), [], [".pt", ""])
    refused(["too long"], prepare_folder, Path(name), [])


def test_a_folder_that_cannot_be_written_into_is_refused(here, monkeypatch):
    Path("locked").mkdir()

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "touch", read_only)  # root may write into any folder
    refused(["Read-only"], prepare_file, Path("locked/me.pt"), [], PT)
    refused(["Read-only"], prepare_file, Path("locked/new/me.pt"), [], PT)
    refused(["Read-only"], prepare_folder, Path("locked"), [], option="--run")
    prepare_folder(Path("locked"), [], dry=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="has no /proc")
def test_what_only_seems_writable_to_root_is_refused(here):
    refused(["/proc/me.pt"], prepare_file, Path("/proc/me.pt"), [], PT)


def test_a_file_that_its_owner_has_made_read_only_is_refused(here):
    Path("me.pt").write_text("mine")
    Path("me.pt").chmod(0o444)
    refused(["read-only"], prepare_file, Path("me.pt"), [], PT)


def test_a_full_disk_is_told_with_what_is_free(here, monkeypatch):
    usage = shutil.disk_usage(here)._replace(free=LEAST_FREE - 1)
    monkeypatch.setattr(outputs.shutil, "disk_usage", lambda _: usage)
    refused(["16 MB free", "16.0 are"], prepare_file, Path("a/me.pt"), [], PT)
    refused(["16 MB free"], prepare_folder, Path("a"), [])


def test_a_folder_of_something_else_whose_files_would_be_overwritten_is_refused(here):
    Path("mine").mkdir()
    Path("mine/config.json").write_text("{}")
    writes = ["last.pt", "con*.json"]
    refused(["mine, whose config.json"], prepare_folder, Path("mine"), [], writes, begun=no)
    prepare_folder(Path("mine"), [], writes, begun=lambda folder: folder == Path("mine"))
    prepare_folder(Path("mine"), [], ["last.pt"], begun=no)


def test_a_folder_that_holds_an_input_where_something_is_written_is_refused(here):
    Path("run/checkpoints").mkdir(parents=True)
    inside = [Input("--start-from", Path("run/checkpoints/00000004.pt"))]
    refused(["without --start-from"], prepare_folder, Path("run"), inside, ["checkpoints"])
    prepare_folder(Path("run"), inside, ["last.pt"])
    refused(["another folder"], prepare_folder, Path("run"), [Input("--data", Path("run"))])


def test_what_a_killed_writer_left_beside_a_file_is_removed_and_nothing_of_others(here):
    leave_half_written(here / "new" / "me.mp4")
    leave_half_written(here / "new" / "below" / "me.mp4")
    (here / "new" / ".partial-download").write_text("the user's own")
    os.utime(here / "new" / ".partial-download", (0, 0))
    (here / "new" / ".partial-folder").mkdir()
    prepare_file(Path("new/me.mp4"), [], [".mp4"])
    assert {path.name for path in Path("new").iterdir()} == {
        ".partial-download", ".partial-folder", "below",
    }  # fmt: skip
    assert len(list(Path("new/below").iterdir())) == 1, "folders of users may be large"
