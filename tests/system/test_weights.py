"""Weights are found, fetched or asked for; never made up."""

import pytest
import torch

from system.missing import MissingWeights
from system.weights import fetch, fetch_all, read_weights, wanted_weights

URL = "https://example.org/models/small-0123abcd.pth"


def test_a_file_in_the_hub_is_taken_as_it_is(hub):
    (hub / "small-0123abcd.pth").write_bytes(b"here")
    assert fetch(URL) == hub / "small-0123abcd.pth"


def test_a_missing_file_is_downloaded_to_its_place_and_checked(hub, monkeypatch):
    asked = []
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *x: asked.append(x))
    monkeypatch.setenv("TORCH_HOME", str(hub / "not" / "there"))
    path = fetch(URL)
    assert path.parent.is_dir()
    assert asked == [(URL, str(path), "0123abcd")]


@pytest.mark.parametrize("error", [OSError("unreachable"), RuntimeError("invalid hash value")])
def test_what_cannot_be_had_is_asked_for_in_one_line(hub, monkeypatch, error):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(MissingWeights) as refusal:
        fetch(URL)
    message = str(refusal.value)
    assert "\n" not in message
    for part in ("small-0123abcd.pth", URL, str(hub), str(error)):
        assert part in message


def test_tensors_are_read(tmp_path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "good.pth")
    assert read_weights(tmp_path / "good.pth")["weight"].tolist() == [1, 1]


class Hostile:
    def __reduce__(self):
        return print, ("this must never run",)


@pytest.mark.parametrize("content", ["empty", "nonsense", "text", "hostile", "tensor", "list"])
def test_other_files_are_refused_and_never_run(tmp_path, content, capsys):
    path = tmp_path / "bad.pth"
    saved = {"hostile": Hostile(), "tensor": torch.ones(3), "list": [torch.ones(3)]}
    written = {"empty": b"", "nonsense": b"<html>404</html>", "text": b"hello, this is text"}
    if content in saved:
        torch.save(saved[content], path)
    else:
        path.write_bytes(written[content])
    with pytest.raises(ValueError, match=r"bad.pth is not a file of weights"):
        read_weights(path)
    assert capsys.readouterr().out == ""


def test_all_files_that_are_missing_are_asked_for_and_those_that_are_there_are_not(hub):
    (hub / "small-0123abcd.pth").write_bytes(b"here")
    others = [URL.replace("small", name) for name in ("large", "middle")]
    with pytest.raises(
        MissingWeights, match=r"large.* and middle.*large.* and .*middle"
    ) as refusal:
        fetch_all([URL, *others])
    assert "small" not in str(refusal.value)


def test_a_network_gets_the_weights_that_it_wants_and_others_are_named():
    wanted = {"weight": torch.empty(2, 3, device="meta")}
    given = wanted_weights({"weight": torch.ones(2, 3).half(), "more": torch.ones(1)}, wanted, "f")
    assert given.keys() == {"weight"}
    assert given["weight"].dtype == torch.float32
    with pytest.raises(ValueError, match=r"a.pth has no weight: it is another network's file"):
        wanted_weights({}, wanted, "a.pth")
    with pytest.raises(ValueError, match=r"a.pth: weight must have shape \(2, 3\), got \(2,\)"):
        wanted_weights({"weight": torch.ones(2)}, wanted, "a.pth")
    broken = torch.ones(2, 3)
    broken[1, 1] = torch.nan
    for other in (broken, torch.ones(2, 3, dtype=torch.int8)):
        with pytest.raises(ValueError, match=r"a.pth: weight must hold finite real numbers"):
            wanted_weights({"weight": other}, wanted, "a.pth")


def test_what_is_no_tensor_is_no_weight(tmp_path):
    torch.save({"weight": torch.ones(2), "epoch": 3}, tmp_path / "more.pth")
    assert read_weights(tmp_path / "more.pth").keys() == {"weight"}
