"""Each known way to fail is seen in the log, and a healthy run gives no warning."""

import pytest

from tests.conftest import ROOT
from training.health import LEAST, RECENT, SIGNS, warnings

HEALTHY = {
    "l1": 0.1, "real_accuracy": 0.8, "fake_accuracy": 0.75, "real_score": 0.6, "fake_score": -0.5,
    "embedding_norm": 10.0, "embedding_variation": 0.3, "embedder_influence": 0.6,
    "saturated": 0.02, "dead_units": 0.1,
}  # fmt: skip

SICK = {
    "the discriminator has won": {
        "real_accuracy": 1.0, "fake_accuracy": 1.0, "real_score": 5.0, "fake_score": -4.0,
    },
    "the embedding collapses": {"embedding_norm": 0.5},
    "the embedder is ignored": {"embedder_influence": 0.01},
    "the output is saturated": {"saturated": 0.9},
    "half of the embedding is dead": {"dead_units": 0.7},
}  # fmt: skip


def falling(lines):
    """A log whose content loss falls."""
    return [HEALTHY | {"l1": 0.3 * 0.98**number} for number in range(lines)]


@pytest.mark.parametrize("lines", [0, 1, RECENT, LEAST, 500])
def test_a_healthy_run_gets_no_warning(lines):
    assert warnings(falling(lines)) == {}


@pytest.mark.parametrize("name", SICK)
def test_a_sign_is_seen_when_it_lasts_and_not_before(name):
    log = falling(LEAST)
    for number in range(RECENT - 1):
        log.append(log[-1] | SICK[name] | {"l1": log[-1]["l1"] * 0.98})
        assert warnings(log) == {}, number
    log.append(log[-1])
    assert list(warnings(log)) == [name]
    log.append(log[-1] | HEALTHY | {"l1": log[-1]["l1"]})
    assert warnings(log) == {}, "it is over"


def test_embeddings_that_are_all_alike_collapse_too():
    log = falling(LEAST) + [falling(LEAST + 1)[-1] | {"embedding_variation": 0.005}] * RECENT
    assert "the embedding collapses" in warnings(log)


@pytest.mark.parametrize("terms", [("l1",), ("vgg19", "vggface"), ("vgg19", "dlib")])
def test_a_content_loss_that_does_not_fall_is_seen_unless_one_of_its_terms_falls(terms):
    log = [{**HEALTHY, **dict.fromkeys(terms, 0.3)} for _ in range(LEAST)]
    if terms != ("l1",):
        for line in log:
            del line["l1"]
    assert list(warnings(log)) == ["the content loss does not fall"]
    assert warnings(log[:-1]) == {}, "too early to tell"
    for number, line in enumerate(log):
        line[terms[-1]] *= 0.97**number
    assert warnings(log) == {}


def test_a_run_that_goes_on_with_another_content_loss_is_judged_by_that_one():
    log = [{**HEALTHY, "l1": 0.3} for _ in range(LEAST)] + [{**HEALTHY, "l1": 0.3, "dlib": 0.3}]
    assert warnings(log) == {}
    log += [log[-1]] * LEAST
    assert list(warnings(log)) == ["the content loss does not fall"]


def test_batches_of_one_compare_no_people_and_their_log_is_judged_without():
    log = [line | {"embedding_variation": 0.0} for line in falling(LEAST + RECENT)]
    for line in log:
        del line["embedder_influence"]
    assert warnings(log) == {}
    log += [log[-1] | {"embedding_norm": 0.5}] * RECENT
    assert list(warnings(log)) == ["the embedding collapses"]


def test_every_sign_has_advice_and_stands_in_the_troubleshooting_page():
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    for sign in SIGNS:
        assert f'"{sign.name}"' in page or f"({sign.name})" in page, sign.name
        assert "--" in sign.advice, sign.name
