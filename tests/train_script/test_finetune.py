"""train.py finetune and export: heads and models, what is in them and what is not."""

import shutil

import pytest
import torch

from tests.provenance import OTHER, model_of_other_detector, of_other_detector, warnings_of
from tests.runs import assert_one_line, call, call_tiny
from training.checkpoint import load, load_head, save, save_head, save_model
from training.provenance import detectors_of


def test_finetune_writes_a_small_head_and_reports_the_held_out_error(head):
    path, done = head
    loaded = load_head(path)
    assert loaded.network.style.shape[0] == 1
    assert loaded.image_size == 64
    assert loaded.crop == "whole", "as the pickles were cut"
    assert loaded.landmarks.shape == (4, 68, 2)
    assert loaded.detector == "stored", "as the pickles state"
    payload = torch.load(path, weights_only=True)
    assert payload.keys() == {
        "format", "kind", "config", "generator", "style", "crop", "landmarks", "detector",
    }  # fmt: skip
    assert warnings_of(done) == []
    assert "l1 on 2 other pictures:" in done.stdout


@pytest.mark.parametrize("strange", ["person", "model"])
def test_a_person_of_another_detector_than_the_models_is_learnt_with_a_warning(
    strange, trained, data, tmp_path
):
    source, checkpoint = sorted(data.rglob("*.pkl"))[0], trained
    if strange == "person":
        source, words = of_other_detector(source, tmp_path / "me.pkl"), f"({OTHER}) come"
    else:
        checkpoint = model_of_other_detector(trained, tmp_path / "model.pt")
        words = f"has learnt ({OTHER})"
    done = call(
        "finetune", "--checkpoint", checkpoint, "--source", source, "--steps", 0, "--shots", 2,
        "--output", tmp_path / "head.pt",
    )  # fmt: skip
    (line,) = warnings_of(done)
    assert f"--source {source}" in line and str(checkpoint) in line and words in line
    head = load_head(tmp_path / "head.pt")
    both = [head.detector, *detectors_of(head.config)]
    assert both == ([OTHER, "stored"] if strange == "person" else ["stored", OTHER])


def test_a_head_of_older_code_is_loaded_and_has_its_models_landmarks(head, tmp_path):
    payload = load(head[0], "head")
    del payload["detector"]
    save(payload, tmp_path / "old.pt")
    old = load_head(tmp_path / "old.pt")
    assert old.detector is None
    assert old.detectors == ("stored",)


def test_zero_steps_of_fine_tuning_give_the_feed_forward_head(trained, data, tmp_path):
    source = sorted(data.rglob("*.pkl"))[0]
    done = call(
        "finetune", "--checkpoint", trained, "--source", source, "--steps", 0,
        "--output", tmp_path / "ff.pt", "--shots", 6,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head_state = torch.load(tmp_path / "ff.pt", weights_only=True)["generator"]
    average = load(trained, "run")["average"]["generator"]
    assert all(torch.equal(head_state[k], average[k]) for k in average)


def test_an_exported_model_is_fine_tuned_like_its_run(exported, trained, data, tmp_path):
    source = sorted(data.rglob("*.pkl"))[0]
    styles = {}
    for name, checkpoint in (("model", exported), ("run", trained)):
        done = call(
            "finetune", "--checkpoint", checkpoint, "--source", source, "--steps", 2,
            "--output", tmp_path / f"{name}.pt", "--shots", 4,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        styles[name] = load_head(tmp_path / f"{name}.pt").network.style
    difference = (styles["model"] - styles["run"]).norm() / styles["run"].norm()
    assert 0 < difference < 0.02


def test_an_exported_model_holds_networks_in_float16_and_nothing_that_only_training_needs(
    exported, trained
):
    model, run = load(exported, "model"), load(trained, "run")
    assert "optimizers" not in model and set(model["networks"]) == {"discriminator"}
    states = [*model["networks"].values(), *model["average"].values()]
    originals = [run["networks"]["discriminator"], *run["average"].values()]
    for state, original in zip(states, originals, strict=True):
        assert state.keys() == original.keys()
        for key, value in state.items():
            assert value.dtype == torch.float16
            assert torch.equal(value, original[key].half())
    assert model["config"].items() <= run["config"].items()
    for name in ("videos", "step", "mean_row_norm"):
        assert model[name] == run[name]


@pytest.mark.parametrize("kind", ["model", "head"])
def test_what_is_given_away_tells_no_folder_of_its_maker(kind, trained, head, tmp_path):
    payload = load(trained, "run")
    payload["config"]["vggface"] = "/home/maker/weights/vggface.pth"
    payload["config"]["start_from"] = "/home/maker/older.pt"
    payload["config"]["mix"] = "/home/maker/heads"
    path = tmp_path / "given.pt"
    if kind == "model":
        save_model(payload, path)
    else:
        save_head(load_head(head[0])._replace(config=payload["config"]), path)
    config = load(path, kind)["config"]
    assert config["vggface"] == "vggface.pth"
    assert "run" not in config
    told = path.read_bytes()
    assert b"maker" not in told and str(trained).encode() not in told


def test_training_does_not_go_on_from_an_exported_model(exported, data, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(exported, run / "last.pt")
    assert_one_line(call_tiny(data, run), "must be a run of train.py")
    assert_one_line(
        call("export", "--checkpoint", exported, "--output", tmp_path / "again.pt"),
        "must be a run of train.py, it is a 'model'",
    )
    assert not (tmp_path / "again.pt").exists()
