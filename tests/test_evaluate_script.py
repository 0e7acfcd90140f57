"""evaluate.py as a user runs it: what it writes, how it goes on, careless use."""

import errno
import json
import shutil
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch

import evaluate
from config import Evaluate
from dataset.images import read_image
from drawn_heads.videos import write_heads
from evaluation import results
from evaluation.trial import COPY
from pretrained.arcface import ArcFace
from tests.conftest import call_script, leave_half_written, preprocessed, run_script
from tests.evaluation.conftest import Finding
from tests.pretrained.test_arcface import write_arcface
from tests.provenance import OTHER, model_of_other_detector, of_other_detector, warnings_of
from training.checkpoint import load, save

WRITTEN = {
    "metrics.json", "table.md", "sheet.png", "cross_sheet.png", "by_shots.png", "by_step.png",
    "results",
}  # fmt: skip
HELD_OUT, SHOTS = 2, ("1", "3")
QUICK = ["--device", "cpu", "--precision", "float32", "--threads", "1", "--finetune-steps", "1",
         "--held-out", HELD_OUT, "--detector", "none", "--shots", *SHOTS]  # fmt: skip


@pytest.fixture(scope="module")
def heads_unseen(tmp_path_factory) -> Path:
    """Raw videos of three people whom the run has not seen."""
    folder = tmp_path_factory.mktemp("heads_unseen")
    options = {"frames": 6, "size": 64, "fps": 5.0, "workers": 1, "progress": False}
    write_heads(folder, 3, first_person=70, **options)
    return folder


@pytest.fixture(scope="module")
def unseen(heads_unseen, tmp_path_factory) -> Path:
    return preprocessed(heads_unseen, tmp_path_factory.mktemp("unseen"), 6)


@pytest.fixture(scope="module")
def torch_home(tmp_path_factory) -> Path:
    """Where no weights are."""
    return tmp_path_factory.mktemp("torch_home")


@pytest.fixture(scope="module", autouse=True)
def without_weights(torch_home):
    """An empty torch hub and no network."""

    def refuse(*_, **__):
        raise URLError("no network in tests")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.hub, "get_dir", lambda: str(torch_home / "hub"))
        patch.setattr(torch.hub, "download_url_to_file", refuse)
        yield


def judge(*arguments, figures=False):
    """Call evaluate.py in this process; options that are given twice count as last given.

    Figures take longer than all the rest, so most tests do without.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not figures:
            patch.setattr("evaluation.outputs.write_figures", lambda summary, folder: [])
        return call_script(evaluate.main, "evaluate.py", *QUICK, *arguments)


def succeeded(done):
    assert done.returncode == 0, done.stderr
    return done


def one_line(done, *words, status=1):
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert str(word) in done.stderr.strip().splitlines()[-1]


def numbers(folder):
    """The contents of metrics.json, which must be strict JSON."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads((folder / "metrics.json").read_text("utf-8"), parse_constant=refuse)


@pytest.fixture(scope="module")
def common(trained, unseen, heads_unseen):
    return ["--checkpoint", trained, "--data", unseen, "--drawn-heads", heads_unseen]


@pytest.fixture(scope="module")
def judged(common, tmp_path_factory):
    """The output of one evaluation, and what it said."""
    output = tmp_path_factory.mktemp("evaluations") / "new" / "tiny"
    return output, succeeded(judge(*common, "--output", output, figures=True)).stdout


def snapshot(folder):
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_evaluation_leaves_numbers_tables_sheets_and_figures(judged, trained):
    output, said = judged
    assert {path.name for path in output.iterdir()} == WRITTEN
    metrics = numbers(output)
    assert metrics["protocol"]["models"] == {str(trained): {"step": 4}}
    assert metrics["protocol"]["videos"] == 3
    assert metrics["protocol"]["shots"] == [1, 3]
    assert list(metrics["videos"]) == [f"id0007{number}/video000" for number in range(3)]
    for parties in metrics["videos"].values():
        assert set(parties) == {"", str(trained)}
        assert len(parties[""]["own_motion"]) == len(parties[str(trained)]["own_motion"]) == 4
        assert len(parties[str(trained)]["cross_reenactment"]) == 8
    assert len(metrics["means"]) == 8
    assert len(metrics["cross_reenactment"]) == 8
    assert [one["step"] for one in metrics["while_fine_tuning"]] == [0, 0]
    for row in metrics["means"]:
        per_video = [
            mine["scores"]["ssim"]
            for parties in metrics["videos"].values()
            for mine in parties[row["model"]]["own_motion"]
            if (mine["shots"], mine["method"]) == (row["shots"], row["method"])
        ]
        ssim = row["scores"]["ssim"]
        assert ssim["videos"] == len(per_video) == 3
        assert ssim["mean"] == pytest.approx(np.mean(per_video), rel=1e-4)
        assert ssim["low"] <= ssim["mean"] <= ssim["high"]
    table = (output / "table.md").read_text("utf-8")
    assert table.strip() in said
    assert "3 videos, 2 hold-out frames of each" in table
    assert str(output) in said.strip().splitlines()[-1]
    for name in WRITTEN - {"metrics.json", "table.md", "results"}:
        assert read_image(output / name).shape[0] > 100


def test_a_model_is_measured_on_another_detectors_landmarks_with_a_warning(
    trained, unseen, tmp_path
):
    model = model_of_other_detector(trained, tmp_path / "model.pt")
    mixed = tmp_path / "mixed"
    shutil.copytree(unseen, mixed)
    record = sorted(mixed.rglob("*.pkl"))[0]
    of_other_detector(record, record)
    contestants = ["--checkpoint", trained, model, "--finetune-steps", 0, "--shots", 1]
    for data, expected in (
        (unseen, [("(stored)", model)]),
        (mixed, [(f"({OTHER})", trained), ("(stored)", model)]),
    ):
        words = [*contestants, "--data", data, "--no-cross-reenactment", "--output"]
        lines = warnings_of(judge(*words, tmp_path / f"of_{data.name}"))
        assert len(lines) == len(expected)
        for line, (found_by, checkpoint) in zip(lines, expected, strict=True):
            assert f"--data {data} {found_by} come" in line
            assert f"that {checkpoint} has learnt" in line


def test_without_weights_it_says_what_is_missing_and_where_to_get_it(judged):
    output, said = judged
    metrics = numbers(output)
    left_out = metrics["protocol"]["left_out"]
    detected = ("landmark_error", "pose_error", "jitter", "faces_found", "leak")
    assert set(left_out) == {"lpips", "fid", *detected}
    assert "https://" in left_out["lpips"]
    assert "hub" in left_out["lpips"]
    assert metrics["protocol"]["instruments"] == {"descriptor": "dlib"}
    table = (output / "table.md").read_text("utf-8")
    own = table.split("## The paper")[0]
    for name, title in (
        ("lpips", "LPIPS"),
        ("fid", "FID"),
        ("pose_error", "pose"),
    ):
        assert title not in own
        assert all(name not in row["scores"] for row in metrics["means"])
        (line,) = (x for x in table.splitlines() if x.startswith("- left out") and title in x)
        assert left_out[name] in line
    assert "lpips: left out" in said
    assert "no network" in said


def test_what_installs_with_the_library_measures_identity_landmarks_and_pose(common, tmp_path):
    assert Evaluate.detector == "dlib"
    words = ["--detector", "dlib", "--finetune-steps", 0, "--shots", 1, "--limit", 1]
    succeeded(judge(*common, *words, "--output", tmp_path))
    metrics = numbers(tmp_path)
    assert metrics["protocol"]["instruments"] == {"descriptor": "dlib", "detector": "dlib"}
    names = {"csim", "recognized", "landmark_error", "pose_error", "jitter", "faces_found"}
    for row in metrics["means"]:
        # What a model of four steps draws is no face, so that nothing is found on it.
        found = names if row["method"] == COPY else {"csim", "recognized", "faces_found"}
        assert found <= set(row["scores"])
    copied = next(row["scores"] for row in metrics["means"] if row["method"] == COPY)
    assert copied["faces_found"]["mean"] == 1
    assert copied["csim"]["mean"] > 0.9
    assert 0 < copied["landmark_error"]["mean"] < 1
    table = (tmp_path / "table.md").read_text("utf-8")
    for title in ("CSIM", "recognized", "NME", "pose", "jitter", "found"):
        assert f"- {title}, by dlib: " in table


def test_without_dlibs_models_it_says_what_to_install(common, tmp_path, monkeypatch):
    monkeypatch.setattr("pretrained.dlib_files.PACKAGE", "no-such-package")
    words = ["--detector", "dlib", "--finetune-steps", 0, "--shots", 1, "--limit", 1]
    succeeded(judge(*common, *words, "--output", tmp_path))
    protocol = numbers(tmp_path)["protocol"]
    assert protocol["instruments"] == {}
    for measure in ("csim", "recognized", "landmark_error", "leak"):
        assert "pip install no-such-package" in protocol["left_out"][measure]


def test_the_same_command_again_measures_nothing_and_writes_the_same(judged, common, monkeypatch):
    output, _ = judged
    before = snapshot(output)
    monkeypatch.setattr("evaluation.comparison.Trial", None)
    succeeded(judge(*common, "--output", output, figures=True))
    after = snapshot(output)
    assert {path: data for path, (data, _) in after.items()} == {
        path: data for path, (data, _) in before.items()
    }
    untouched = [path for path in before if path.parts[0] == "results"]
    assert len(untouched) == 3 * (1 + 3)
    assert all(after[path] == before[path] for path in untouched)


def test_a_fresh_folder_gets_the_same_numbers(judged, common, tmp_path):
    succeeded(judge(*common, "--output", tmp_path / "fresh"))
    for name in ("metrics.json", "table.md"):
        assert (tmp_path / "fresh" / name).read_bytes() == (judged[0] / name).read_bytes()


KILLED = """
import os, signal, torch
from urllib.error import URLError
import cli, evaluate
from evaluation import results
from evaluation.trial import COPY

def refuse(*_, **__):
    raise URLError("no network in tests")

def unable():  # as it is without weights; the package that would look for them imports slowly
    raise ValueError("no network in tests")

torch.hub.download_url_to_file = refuse
evaluate.load_lpips = unable
writing = results.write_image
count = 0

def write_and_die(path, frame):
    global count
    count += 1
    if count == 4:
        with results.replacing(path) as partial:
            partial.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    writing(path, frame)

results.write_image = write_and_die
cli.run(evaluate.main)
"""


def killed(torch_home, *arguments):
    """Run it in a process of its own, which is killed when it writes its fourth picture."""
    done = run_script("-c", KILLED, *QUICK, *arguments, env={"TORCH_HOME": str(torch_home)})
    assert done.returncode == -9, done.stderr


class CutOff(BaseException):
    """Nothing handles it."""


def cut_off(torch_home, *arguments):
    """Run it in this process and leave it there; a process that is killed leaves half a file."""
    writing, written = results.write_image, []

    def write(path, frame):
        written.append(path)
        if len(written) == 4:
            leave_half_written(path)
            raise CutOff
        writing(path, frame)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(CutOff):
        patch.setattr(results, "write_image", write)
        judge(*arguments)


@pytest.mark.parametrize("end", [cut_off, pytest.param(killed, marks=pytest.mark.slow)])
def test_killed_in_the_middle_it_goes_on_to_the_same_numbers(
    judged, common, torch_home, tmp_path, end
):
    output = tmp_path / "killed"
    end(torch_home, *common, "--output", output)
    done = sorted(path.relative_to(output / "results") for path in output.rglob("*.json"))
    assert [str(path.relative_to(path.parts[0])) for path in done] == [
        "id00070/video000.json", "id00071/video000.json", "id00070/video000.json",
    ]  # fmt: skip
    assert len(list(output.rglob(".partial*"))) == 1
    kept = snapshot(output)
    resumed = succeeded(judge(*common, "--output", output))
    assert "landmark_error" in resumed.stdout
    assert not list(output.rglob(".partial*"))
    for path in done:
        inside = Path("results") / path
        assert snapshot(output)[inside] == kept[inside], "not made again"
    expected = judged[0] / "metrics.json"
    assert (output / "metrics.json").read_bytes() == expected.read_bytes()


def test_a_full_disk_is_told_in_one_line_and_nothing_done_is_lost(
    judged, common, tmp_path, monkeypatch
):
    output = tmp_path / "full"
    shutil.copytree(judged[0], output)
    before = snapshot(output)
    gone = output / "results" / "baselines" / "id00072" / "video000.json"
    gone.unlink()
    write = Path.write_text

    def full(path, text, **options):
        write(path, text[: len(text) // 2], **options)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    one_line(judge(*common, "--output", output), "evaluate.py:", "No space left", gone)
    monkeypatch.undo()
    assert snapshot(output).keys() == before.keys() - {gone.relative_to(output)}
    assert (output / "metrics.json").read_bytes() == (judged[0] / "metrics.json").read_bytes()
    succeeded(judge(*common, "--output", output))
    assert (output / "metrics.json").read_bytes() == (judged[0] / "metrics.json").read_bytes()


def test_another_networks_file_measures_identity_anew(trained, unseen, tmp_path):
    words = ["--checkpoint", trained, "--data", unseen, "--limit", 1, "--shots", 1]
    words += ["--finetune-steps", 0, "--output", tmp_path / "out", "--arcface"]
    likenesses = []
    for seed in (0, 1, 0):
        arcface = tmp_path / f"{seed}.onnx"
        write_arcface(arcface, seed=seed)
        succeeded(judge(*words, arcface))
        rows = numbers(tmp_path / "out")["means"]
        likenesses.append([row["scores"]["csim"]["mean"] for row in rows])
    assert likenesses[0] == likenesses[2] != likenesses[1]


def test_every_instrument_is_used_where_its_weights_are(common, tmp_path, monkeypatch):
    arcface = tmp_path / "arcface.onnx"
    write_arcface(arcface)

    class Distance(torch.nn.Module):
        def forward(self, a, b):
            return (a - b).abs().mean((1, 2, 3))

    class Mean(torch.nn.Module):
        def forward(self, images):
            return images.mean((2, 3))

    monkeypatch.setattr(evaluate, "load_lpips", Distance)
    monkeypatch.setattr(evaluate, "load_inception", Mean)
    monkeypatch.setattr(evaluate, "create_detector", lambda name, device: Finding())
    output = tmp_path / "all"
    succeeded(judge(*common, "--output", output, "--arcface", arcface, "--finetune-steps", 0,
                    "--detector", "dlib"))  # fmt: skip
    metrics = numbers(output)
    assert metrics["protocol"]["left_out"] == {}
    assert metrics["protocol"]["instruments"] == {
        "lpips": "AlexNet", "inception": "Inception 2015-12-05", "descriptor": "ArcFace",
        "detector": "finding",
    }  # fmt: skip
    for row in metrics["means"]:
        scores = row["scores"]
        assert set(scores) == set(metrics["measures"]) - {"recognized", "leak", "drawn_leak"}
        assert scores["lpips"]["mean"] == pytest.approx(2 * scores["l1"]["mean"], rel=1e-3)
        assert scores["fid"]["videos"] == 3 * HELD_OUT
        assert -1 <= scores["csim"]["mean"] < 1
    for row in metrics["cross_reenactment"]:
        assert {"drawn_leak", "csim", "pose_error"} <= set(row["scores"])


def test_vggface_describes_faces_where_its_file_is_given(common, tmp_path, monkeypatch):
    given = []

    class Face(torch.nn.Module):
        name, framing, same_person = "VGGFace", ArcFace.framing, None

        def forward(self, crops):
            return crops.mean((2, 3))

    def load(path):
        given.append(path)
        return Face()

    monkeypatch.setattr(evaluate, "load_vggface_descriptor", load)
    output, file = tmp_path / "out", tmp_path / "vgg_face_dag.pth"
    file.write_bytes(b"stands for the real one")
    words = ["--vggface", file, "--finetune-steps", 0, "--limit", 1]
    succeeded(judge(*common, "--output", output, *words))
    assert given == [file]
    metrics = numbers(output)
    assert metrics["protocol"]["instruments"] == {"descriptor": "VGGFace"}
    assert "csim" not in metrics["protocol"]["left_out"]
    assert all("csim" in row["scores"] for row in metrics["means"])
    assert metrics["protocol"]["videos"] == 1
    assert metrics["cross_reenactment"] == [], "nobody else is there to drive"


def test_two_models_are_judged_on_the_same_frames(common, trained, tmp_path):
    payload = load(trained, "run")
    for value in payload["average"]["generator"].values():
        if value.is_floating_point():
            value.mul_(1.05)
    save(payload, tmp_path / "other.pt")
    words = [*common, "--finetune-steps", 0, "--no-cross-reenactment", "--limit", 2]
    words += ["--shots", 3, 1, 3]
    succeeded(
        judge(*words, "--checkpoint", trained, tmp_path / "other.pt", "--output", tmp_path / "o")
    )
    metrics = numbers(tmp_path / "o")
    assert list(metrics["protocol"]["models"]) == [str(trained), str(tmp_path / "other.pt")]
    assert metrics["protocol"]["shots"] == [1, 3], "ascending, each once"
    own, other = ([r["scores"] for r in metrics["means"] if r["model"] == model]
                  for model in metrics["protocol"]["models"])  # fmt: skip
    assert len(own) == len(other) == 2
    assert own != other
    assert "| model" in (tmp_path / "o" / "table.md").read_text("utf-8")
    assert not (tmp_path / "o" / "cross_sheet.png").exists()
    assert {path.name for path in (tmp_path / "o" / "results").iterdir()} >= {"baselines"}


def test_people_seen_in_training_are_tried_only_when_that_is_asked_for(trained, data, tmp_path):
    words = ["--checkpoint", trained, "--data", data, "--output", tmp_path / "o"]
    one_line(judge(*words), "evaluate.py:", data, "seen in training")
    assert not (tmp_path / "o").exists()
    words += ["--people", "any", "--limit", 1, "--finetune-steps", 0, "--no-cross-reenactment"]
    succeeded(judge(*words))
    assert numbers(tmp_path / "o")["protocol"]["videos"] == 1


def test_careless_use_ends_in_one_line_and_leaves_nothing(
    common, trained, unseen, heads_unseen, tmp_path
):
    output = tmp_path / "out"
    to = [*common, "--output", output]
    one_line(judge(*to, "--checkpoint", tmp_path / "no.pt"), "no checkpoint", "no.pt")
    one_line(judge(*to, "--checkpoint", tmp_path), "no checkpoint in", tmp_path)
    (tmp_path / "text.pt").write_text("not a checkpoint")
    one_line(judge(*to, "--checkpoint", tmp_path / "text.pt"), "text.pt")
    one_line(judge(*to, "--checkpoint", trained, trained), "--checkpoint names a model twice")
    one_line(judge(*to, "--data", tmp_path / "nowhere"), "nowhere does not exist")
    one_line(judge(*to, "--data", heads_unseen), heads_unseen, "videos.txt", "preprocess.py")
    one_line(judge(*to, "--shots", 32), "6 frames", "34 needed", "--frames-per-video")
    one_line(judge(*to, "--drawn-heads", unseen), unseen, "heads.json")
    one_line(judge(*to, "--arcface", tmp_path / "gone.onnx"), "gone.onnx", "https://")
    one_line(judge(*to, "--vggface", tmp_path / "gone.pth"), "gone.pth", "https://")
    one_line(judge(*to, "--shots", 0), "--shots must be at least 1, got 0", status=2)
    for limit in (0, -1):
        one_line(judge(*to, "--limit", limit), f"--limit must be at least 1, got {limit}")
    for option, value in (
        ("--held-out", 0), ("--batch-size", 0),
        ("--finetune-steps", -1), ("--finetune-steps", "many"), ("--seed", -1),
    ):  # fmt: skip
        one_line(judge(*to, option, value), option, value, status=2)
    assert not output.exists()


def test_what_cannot_be_evaluated_is_told_with_the_option_and_leaves_nothing(
    common, trained, tmp_path
):
    to = [*common, "--output", tmp_path / "out"]
    payload = load(trained, "run")
    payload["config"]["networks"]["image_size"] = 32
    save(payload, tmp_path / "small.pt")
    both = judge(*to, "--checkpoint", trained, tmp_path / "small.pt")
    one_line(both, "--checkpoint", "one size", f"{trained} 64", "small.pt 32")
    save({"kind": "head", "config": payload["config"]}, tmp_path / "head.pt")
    one_line(judge(*to, "--checkpoint", tmp_path / "head.pt"), "head.pt must be a run")
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_told_before_anything_is_measured(
    common, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("evaluation.comparison.Trial", None)
    one_line(judge(*common, "--output", tmp_path / "file"), tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
