"""train.py as a user runs it: outputs, resume after a kill, careless use."""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch

import train as script
from dataset.episodes import VoxCelebDataset
from dataset.images import read_image
from tests.conftest import PATIENCE, ROOT, TINY, call_script, leave_half_written, run_script
from training.checkpoint import load, load_head, save_head, save_model
from training.loops import SAMPLE_EPOCH

STEPS = 8
RESUMABLE = ["--steps", STEPS, "--save-every", 2, "--log-every", 1, "--sample-every", 100]
RESUMABLE += ["--decay", 0.8]  # so the rate of a step depends on where the run stands


def call(*words):
    return call_script(script.main, "train.py", *words)


def train(data, run, *more):
    return call("--data", data, "--run", run, *TINY, *more)


def weights(run):
    payload = load(run, "run")
    flat = {}

    def walk(prefix, value):
        if isinstance(value, torch.Tensor):
            flat[prefix] = value
        elif isinstance(value, dict):
            for key, entry in value.items():
                walk(f"{prefix}.{key}", entry)
        elif isinstance(value, list):
            for at, entry in enumerate(value):
                walk(f"{prefix}.{at}", entry)

    walk("", {k: payload[k] for k in ("networks", "average", "optimizers")})
    return payload["step"], flat


def assert_same_run(one, other):
    step_one, flat_one = weights(one)
    step_other, flat_other = weights(other)
    assert step_one == step_other
    assert flat_one.keys() == flat_other.keys()
    different = [k for k in flat_one if not torch.equal(flat_one[k], flat_other[k])]
    assert not different
    kept = ("step", "l1", "discriminator", "matching", "row_norm")
    lines = [
        [{k: json.loads(line)[k] for k in kept} for line in (run / "stats.jsonl").open()]
        for run in (one, other)
    ]
    assert lines[0] == lines[1]


def test_a_run_leaves_what_the_readme_promises(trained):
    for name in ("config.json", "stats.jsonl", "curves.png", "last.pt"):
        assert (trained / name).stat().st_size > 0
    assert (trained / "samples" / "00000004.png").is_file()
    assert (trained / "checkpoints" / "00000004.pt").is_file()
    line = json.loads((trained / "stats.jsonl").read_text().splitlines()[-1])
    assert line["step"] == 4
    assert {"l1", "adversarial", "feature_matching", "matching", "discriminator"} <= line.keys()
    config = json.loads((trained / "config.json").read_text())
    assert config["networks"]["image_size"] == 64
    assert not list(trained.rglob(".partial*"))


def test_p2_the_matching_weight_rises_from_zero(data, tmp_path):
    done = train(data, tmp_path / "a", "--steps", 1, "--matching-warmup", 1)
    assert done.returncode == 0, done.stderr
    done = train(data, tmp_path / "b", "--steps", 1, "--matching-weight", 0)
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "a")[1].keys() == weights(tmp_path / "b")[1].keys()
    assert_same_run(tmp_path / "a", tmp_path / "b")


def test_a_run_computed_in_the_plainest_way_learns_the_same(data, tmp_path):
    plain = ["--no-channels-last", "--no-fused-optimizer", "--no-joint-judgement"]
    plain += ["--power-iteration-per-forward", "--accumulate", 2, "--checkpoint-embedder"]
    for run, options in (("usual", ["--cudnn-benchmark"]), ("plain", plain)):
        done = train(data, tmp_path / run, "--steps", 2, "--precision", "float32", *options)
        assert done.returncode == 0, done.stderr
    first, second = (
        [json.loads(line) for line in (tmp_path / run / "stats.jsonl").open()]
        for run in ("usual", "plain")
    )
    for name in ("l1", "discriminator", "feature_matching", "row_norm"):
        assert first[-1][name] == pytest.approx(second[-1][name], rel=1e-2), name
    config = json.loads((tmp_path / "plain" / "config.json").read_text())
    assert config["speed"]["accumulate"] == 2


def test_a_batch_that_cannot_be_divided_equally_is_refused(data, tmp_path):
    done = train(data, tmp_path / "run", "--batch-size", 4, "--accumulate", 3)
    assert done.returncode == 2
    assert "--accumulate must divide --batch-size 4, got 3" in done.stderr.strip()
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_videos_mixed_in_have_rows_of_w_and_a_stopped_run_goes_on_with_them(data, others, tmp_path):
    for run, stops in (("whole", [4]), ("stopped", [1, 4])):
        for steps in stops:
            words = ["--mix", others, "--steps", steps, "--log-every", 1]
            done = train(data, tmp_path / run, *words)
            assert done.returncode == 0, done.stderr
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")
    payload = load(tmp_path / "whole", "run")
    videos = [
        video for folder in (data, others) for video in (folder / "videos.txt").read_text().split()
    ]
    assert payload["videos"] == videos
    (state,) = payload["optimizers"]["video_embeddings"]["state"].values()
    moved = state["exp_avg_sq"].sum(1) > 0
    own = len(videos) // 2 + 1
    assert moved[:own].sum() == moved[own:].sum() == 4, "four steps of one video of each"


@pytest.mark.parametrize("kind", ["run", "model"])
def test_a_run_starts_from_what_another_has_learnt(trained, data, tmp_path, kind):
    start = trained
    if kind == "model":
        start = tmp_path / "model.pt"
        save_model(load(trained, "run"), start)
    still = ["--generator-lr", 1e-12, "--discriminator-lr", 1e-12, "--ema", 0.5, "--steps", 1]
    done = train(data, tmp_path / "run", "--start-from", start, *still)
    assert done.returncode == 0, done.stderr
    assert f"starting from step 4 of {start}" in done.stdout
    old, new = load(start, "run", "model"), load(tmp_path / "run", "run")
    assert new["step"] == 1
    learnt = old["average"] | {"discriminator": old["networks"]["discriminator"]}
    for name, state in learnt.items():
        for begun in (new["networks"][name], new["average"].get(name, {})):
            for key, value in begun.items():
                if not key.endswith(("_u", "_v")):  # a step has moved these
                    assert torch.allclose(value, state[key].float(), atol=1e-6), (name, key)


def test_a_run_that_has_steps_goes_on_from_its_own(trained, data, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    done = train(data, run, "--start-from", tmp_path / "nowhere.pt", "--steps", 5)
    assert done.returncode == 0, done.stderr
    assert "going on from step 4" in done.stdout


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--start-from", "nowhere.pt"), "no checkpoint nowhere.pt"),
        (("--start-from", "trained", "--gain-offset", 0.5), "was trained with gain_offset 0.0"),
        (("--start-from", "trained", "--channels", 16), "was trained with channels 8"),
    ],
)
def test_what_a_run_cannot_start_from_is_told_in_one_line(
    trained, data, tmp_path, options, complaint
):
    words = [trained if word == "trained" else word for word in options]
    done = train(data, tmp_path / "run", *words)
    assert done.returncode == 1
    assert complaint in done.stderr.strip()
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run" / "last.pt").exists()


def test_meta_is_the_default_subcommand(data, trained, tmp_path):
    run = tmp_path / "run"
    done = call("meta", "--data", data, "--run", run, "--steps", 4, *TINY)
    assert done.returncode == 0, done.stderr
    assert_same_run(trained, run)


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    done = train(data, run, *RESUMABLE)
    assert done.returncode == 0, done.stderr
    return run


HELD = """
import os, time
from pathlib import Path
import cli, train
from training.loops import MetaLearning

folder, hold_at = Path(os.environ["FOLDER"]), int(os.environ["HOLD_AT"])
really_take_step = MetaLearning.take_step

def take_step(self, batch):
    if self.step == hold_at:
        (folder / "held").touch()
        while not (folder / "go on").exists():
            time.sleep(0.01)
    return really_take_step(self, batch)

MetaLearning.take_step = take_step
cli.run(train.main)
"""


@pytest.fixture
def start(data, tmp_path):
    """Start runs that wait after `hold_at` steps for a file, so that none is over before its end.

    They write a file "held" and wait for "go on", both in `tmp_path`.
    """
    with contextlib.ExitStack() as stack:

        def start_training(run, hold_at, *more):
            words = ["--data", data, "--run", run, *TINY, *more]
            told = {"FOLDER": str(tmp_path), "HOLD_AT": str(hold_at), "CUDA_VISIBLE_DEVICES": ""}
            process = subprocess.Popen(
                [sys.executable, "-c", HELD, *map(str, words)],
                cwd=ROOT,
                env=os.environ | told,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start_training


def wait_for(path, process):
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_ends_with_the_same_bits_as_an_undisturbed_one(
    data, undisturbed, start, tmp_path, stop
):
    broken = tmp_path / "broken"
    process = start(broken, 2, *RESUMABLE)
    wait_for(tmp_path / "held", process)
    process.send_signal(stop)
    (tmp_path / "go on").touch()
    process.wait(timeout=PATIENCE)
    stopped_at, _ = weights(broken)
    assert stopped_at == (2 if stop == signal.SIGKILL else 3), "its step is done and saved"
    if stop != signal.SIGKILL:
        assert process.returncode == 128 + stop
    resumed = train(data, broken, *RESUMABLE, "--workers", 1)
    assert resumed.returncode == 0, resumed.stderr
    assert f"going on from step {stopped_at}" in resumed.stdout
    assert_same_run(undisturbed, broken)


def test_kills_at_random_moments_leave_the_same_run_as_no_kill(data, start, tmp_path):
    # Every step logs, samples and saves, so most kills hit a file that is being written.
    busy = ["--steps", 7, "--save-every", 1, "--log-every", 1, "--sample-every", 1]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert train(data, whole, *busy).returncode == 0
    moments = random.Random(0)
    reached = 0
    for most in (2, 4, 6):
        process = start(broken, most, *busy)
        wait_for(broken / "checkpoints" / f"{reached + 1:08d}.pt", process)
        time.sleep(moments.uniform(0, 0.4))
        process.kill()
        assert process.wait(timeout=PATIENCE) == -signal.SIGKILL
        stopped_at, _ = weights(broken)
        assert reached < stopped_at <= most
        reached = stopped_at
    leave_half_written(broken / "samples" / "00000005.png")
    assert train(data, broken, *busy).returncode == 0
    assert_same_run(whole, broken)
    names = [sorted(p.name for p in run.rglob("*") if p.is_file()) for run in (whole, broken)]
    assert names[0] == names[1], "nothing half-written is left behind"


def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(data, tmp_path):
    arguments = ["--save-every", 1, "--keep", 2]
    assert train(data, tmp_path / "run", *arguments, "--steps", 2).returncode == 0
    for name in ("last.pt", "checkpoints/00000002.pt"):
        path = tmp_path / "run" / name
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content[: len(content) // 2])
    resumed = train(data, tmp_path / "run", *arguments, "--steps", 3)
    assert "going on from step 1" in resumed.stdout, resumed.stderr


def test_a_full_disk_ends_the_run_in_one_line_and_loses_nothing(data, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    full = (run / "last.pt").stat().st_size // 2  # bytes: no file may become larger
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (full, full))
    done = run_script(
        "train.py", "--data", data, "--run", run, *TINY, "--steps", 6, preexec_fn=limit
    )
    one_line(done, "cannot write", "00000006.pt")
    assert not list(run.rglob(".partial*"))
    assert (run / "last.pt").read_bytes() == (trained / "last.pt").read_bytes()
    assert "going on from step 4" in train(data, run, "--steps", 6).stdout


def test_a_run_of_another_format_is_refused_and_left_as_it_is(data, trained, tmp_path):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    payload = torch.load(trained / "last.pt", weights_only=True)
    torch.save(payload | {"format": 2}, run / "last.pt")
    before = (run / "last.pt").read_bytes()
    one_line(train(data, run, "--steps", 5), str(run / "last.pt"), "format 3", "2")
    assert (run / "last.pt").read_bytes() == before


def test_the_number_of_workers_changes_nothing(data, undisturbed, tmp_path):
    words = ["--data", data, "--run", tmp_path / "run", *TINY, *RESUMABLE, "--workers", 2]
    done = run_script("train.py", *words)
    assert done.returncode == 0, done.stderr
    assert_same_run(undisturbed, tmp_path / "run")


@pytest.fixture(scope="module")
def head(trained, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("heads_out") / "me.pt"
    source = sorted(data.rglob("*.pkl"))[0]
    done = run_script(
        "train.py", "finetune", "--checkpoint", trained, "--source", source, "--output", path,
        "--shots", 4, "--steps", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return path, done


def test_finetune_writes_a_small_head_and_reports_the_held_out_error(head):
    path, done = head
    loaded = load_head(path)
    assert loaded.network.style.shape[0] == 1
    assert loaded.image_size == 64
    assert loaded.crop == "whole", "as the pickles were cut"
    assert loaded.landmarks.shape == (4, 68, 2)
    payload = torch.load(path, weights_only=True)
    assert payload.keys() == {"format", "kind", "config", "generator", "style", "crop", "landmarks"}
    assert "l1 on 2 other pictures:" in done.stdout


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


def one_line(done, *words):
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[-1]


def test_careless_training_ends_in_one_line(data, trained, tmp_path):
    nowhere = run_script("train.py", "--data", tmp_path / "nowhere", "--run", tmp_path / "run")
    one_line(nowhere, "train.py: ", str(tmp_path / "nowhere"))
    one_line(train(data, tmp_path / "run", "--sources", 6), "--sources", "5")
    one_line(train(data, tmp_path / "run", "--image-size", 100), "image_size", "100")
    one_line(train(data, trained, "--steps", 9, "--channels", 16), "shape")
    one_line(train(data, tmp_path / "run", "--device", "cuda"), "--device cuda")
    one_line(train(data, tmp_path / "run", "--mix", data), "need different ids")
    one_line(train(data, tmp_path / "run", "--mix", tmp_path / "nowhere"), "nowhere")
    one_line(train(data, tmp_path / "run", "--mix", data, "--overfit", 2), "leave out --mix")


def test_missing_vgg_weights_end_in_one_line_and_are_never_replaced(data, tmp_path):
    done = train(
        data, tmp_path / "run", "--content", "vgg", "--vggface", tmp_path / "vgg_face_dag.pth"
    )
    one_line(done, "vgg")
    assert not (tmp_path / "run" / "last.pt").exists()


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model.pt"
    done = call("export", "--checkpoint", trained, "--output", path)
    assert done.returncode == 0, done.stderr
    assert str(path) in done.stdout and "MB" in done.stdout
    return path


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


def test_an_exported_model_is_fine_tuned_like_its_run(exported, trained, data, tmp_path):
    source = sorted(data.rglob("*.pkl"))[0]
    styles = {}
    for name, checkpoint in (("model", exported), ("run", trained)):
        done = call(
            "finetune", "--checkpoint", checkpoint, "--source", source, "--steps", 2,
            "--output", tmp_path / name, "--shots", 4,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        styles[name] = load_head(tmp_path / name).network.style
    difference = (styles["model"] - styles["run"]).norm() / styles["run"].norm()
    assert 0 < difference < 0.02


def test_training_does_not_go_on_from_an_exported_model(exported, data, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(exported, run / "last.pt")
    one_line(train(data, run), "must be a run of train.py")
    one_line(
        call("export", "--checkpoint", exported, "--output", tmp_path / "again.pt"),
        "must be a run of train.py, it is a 'model'",
    )
    assert not (tmp_path / "again.pt").exists()


def test_a_checkpoint_of_another_kind_or_cut_in_half_is_named(head, trained, data, tmp_path):
    path, _ = head
    source = sorted(data.rglob("*.pkl"))[0]
    common = ["finetune", "--source", source, "--output", tmp_path / "out.pt"]
    one_line(call(*common, "--checkpoint", path), str(path), "head")
    half = tmp_path / "half.pt"
    content = (trained / "last.pt").read_bytes()
    half.write_bytes(content[: len(content) // 2])
    one_line(call(*common, "--checkpoint", half), str(half), "whole")
    one_line(call(*common, "--checkpoint", tmp_path), str(tmp_path))
    text = tmp_path / "text.pt"
    text.write_text("not a checkpoint")
    one_line(call(*common, "--checkpoint", text), str(text))
    assert not (tmp_path / "out.pt").exists()


def test_p11_rows_of_w_follow_their_video_when_the_data_change(data, trained, tmp_path):
    changed = tmp_path / "data"
    shutil.copytree(data, changed)
    names = (changed / "videos.txt").read_text().split()
    (changed / "videos.txt").write_text("\n".join([*names[:0:-1]]) + "\n")  # one less, reversed
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    before = load(run, "run")
    done = train(changed, run, "--steps", 4)
    assert done.returncode == 0, done.stderr
    assert train(changed, run, "--steps", 5).returncode == 0
    after = load(run, "run")
    assert after["videos"] == names[:0:-1]
    old = before["networks"]["video_embeddings"]["weight"]
    new = after["networks"]["video_embeddings"]["weight"]
    unchanged = [
        (row, before["videos"].index(video))
        for row, video in enumerate(after["videos"])
        if torch.equal(new[row], old[before["videos"].index(video)])
    ]
    assert len(new) == len(names) - 1
    assert len(unchanged) >= len(new) - 2, "one step of batch 2 moves at most two rows"
    assert any(row != old_row for row, old_row in unchanged)


def test_a_hostile_checkpoint_is_not_executed(data, tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'executed'}",)

    torch.save({"kind": "run", "bomb": Hostile()}, tmp_path / "bomb.pt")
    source = sorted(data.rglob("*.pkl"))[0]
    bomb = tmp_path / "bomb.pt"
    one_line(
        call("finetune", "--source", source, "--output", tmp_path / "out.pt", "--checkpoint", bomb),
        "bomb.pt",
    )
    assert not (tmp_path / "executed").exists()


def test_p18_a_picture_survives_load_network_range_and_save_upright(trained, data):
    grid = read_image(trained / "samples" / "00000004.png")
    assert grid.shape == (5 * 64, 5 * 64, 3)  # 2 sources, landmarks, output, target
    episode = VoxCelebDataset(data, sources=2, image_size=64)[SAMPLE_EPOCH, 0]
    stored = episode.source[0].permute(1, 2, 0).numpy()
    assert np.array_equal(grid[:64, :64], stored)
    assert not np.array_equal(grid[:64, :64], stored.transpose(1, 0, 2)), "axes are told apart"
    assert np.array_equal(grid[:64, 4 * 64 :], episode.target.permute(1, 2, 0).numpy())


@pytest.mark.parametrize(
    ("options", "steps", "signs"),
    [
        (["--generator-lr", 1e-9, "--discriminator-lr", 3e-3], 25,
            {"the discriminator has won", "the content loss does not fall"}),
        (["--matching-weight", 300, "--matching-warmup", 0, "--generator-lr", 3e-3,
          "--l1-weight", 0], 25,
            {"the embedding collapses", "the embedder is ignored",
             "half of the embedding is dead"}),
        (["--generator-lr", 0.05, "--discriminator-lr", 1e-9, "--adversarial-weight", 10,
          "--l1-weight", 0, "--feature-matching-weight", 0, "--matching-weight", 0,
          "--no-spectral-norm"], 12, {"the output is saturated"}),
    ],
)  # fmt: skip
def test_a_run_that_goes_wrong_says_how_once_and_what_to_do(data, tmp_path, options, steps, signs):
    every = ["--log-every", 1, "--sample-every", 1000, "--save-every", 1000]
    done = train(data, tmp_path, "--steps", steps, *every, *options, "--precision", "float32")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("warning, step")]
    for sign in signs:
        (line,) = (line for line in said if sign in line)
        assert "--" in line
    assert {line.split(": ")[1] for line in said} == signs


def test_a_run_in_good_health_warns_of_nothing_and_logs_its_signs(trained):
    line = json.loads((trained / "stats.jsonl").read_text().splitlines()[-1])
    assert all(line[f"{name}_gradient"] > 0 for name in ("embedder", "generator", "discriminator"))
    assert 0 <= line["saturated"] <= line["dead_units"] < 1
    assert 0 < line["embedder_influence"] < 5
    assert 0 < line["embedding_variation"] < 1
    assert 0.1 < line["peak_memory_gb"] < 100


def test_four_videos_can_be_learnt_by_heart(data, tmp_path):
    rates = ["--generator-lr", 3e-3, "--adversarial-weight", 0, "--no-spectral-norm"]
    options = ["--overfit", 4, "--steps", 60, "--log-every", 1, "--gain-offset", 1, *rates]
    done = train(data, tmp_path, *options)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").open()]
    assert lines[-1]["l1"] < lines[0]["l1"] / 3
    assert len(load(tmp_path, "run")["videos"]) == 4
