"""Is a run healthy? What is measured for its log, and what the log says in plain words."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dataset.episode import Episode
from network.embedder import Embedder
from network.generator import Generator
from training.hardware import Hardware
from training.steps import Losses

Lines = Sequence[Mapping[str, float]]

RECENT = 8  # logged lines that a sign must last for
LEAST = 24  # lines before a trend is judged
LEAST_DIFFERENCE = 1e-3  # between people, so that equal pictures in a batch do not divide by 0


@torch.no_grad()
def embedder_influence(
    embedder: Embedder, generator: Generator, batch: Episode, hardware: Hardware
) -> Losses:
    """Tell how much another person's embedding changes the output, against how people differ.

    Returns:
        `embedder_influence`, 0 when the embedder is ignored (pitfall P13), about 1 when it decides
        all; nothing for a batch of one.
    """
    if len(batch.target) < 2:
        return {}
    with hardware.autocast():
        embedding = embedder.embed_video(batch.source, batch.source_landmarks)
        own, other = (
            generator(batch.target_landmarks, generator.project(e))
            for e in (embedding, embedding.roll(1, dims=0))
        )
    between = (batch.target - batch.target.roll(1, dims=0)).abs().mean().clamp(min=LEAST_DIFFERENCE)
    return {"embedder_influence": (own.float() - other.float()).abs().mean() / between}


def finite_numbers(losses: Mapping[str, Tensor], step: int) -> dict[str, float]:
    """Read the losses from the device.

    Raises:
        FloatingPointError: one of them is not finite; it is named.
    """
    names = list(losses)
    values = torch.stack([losses[name].float() for name in names]).tolist()
    numbers = dict(zip(names, values, strict=True))
    broken = [name for name, value in numbers.items() if not abs(value) < float("inf")]
    if broken:
        raise FloatingPointError(f"step {step}: {', '.join(broken)} is not finite")
    return numbers


def peak_memory(device: torch.device) -> int:
    """Return the largest amount of memory used so far, in bytes: of the GPU, or of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # on Windows it is not known
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Sign(NamedTuple):
    """One known way to fail."""

    name: str
    """As docs/troubleshooting.md has it."""
    seen: Callable[[Lines], bool]
    advice: str


def warnings(lines: Lines) -> dict[str, str]:
    """Judge a run by its log.

    Args:
        lines: of stats.jsonl, oldest first.

    Returns:
        Name of each sign that is seen, and what to do about it.
    """
    return {sign.name: sign.advice for sign in SIGNS if sign.seen(lines)}


def _lasts(lines: Lines, holds: Callable[[Mapping[str, float]], bool]) -> bool:
    """Tell whether every recent line has it."""
    return len(lines) >= RECENT and all(holds(line) for line in lines[-RECENT:])


def _compares_people(line: Mapping[str, float]) -> bool:
    """Tell whether the line is of a batch of several videos; see `embedder_influence`."""
    return "embedder_influence" in line


def _discriminator_won(lines: Lines) -> bool:
    return _lasts(
        lines,
        lambda line: (
            min(line["real_accuracy"], line["fake_accuracy"]) > 0.98
            and line["real_score"] - line["fake_score"] > 4
        ),  # twice the hinge's margin
    )


def _embedding_collapses(lines: Lines) -> bool:
    """It has shrunk to a tenth, or all videos have nearly the same, which untrained ones do too."""
    first = max((line["embedding_norm"] for line in lines[:RECENT]), default=0.0)
    return len(lines) >= LEAST and _lasts(
        lines,
        lambda line: (
            line["embedding_norm"] < 0.1 * first
            or (_compares_people(line) and line["embedding_variation"] < 0.01)
        ),
    )


def _embedder_ignored(lines: Lines) -> bool:
    return len(lines) >= LEAST and _lasts(
        lines, lambda line: _compares_people(line) and line["embedder_influence"] < 0.05
    )


def _content_stalls(lines: Lines) -> bool:
    """No content term is lower in the last third of the log than in the first.

    The log is looked at from where it has the terms of now: a run may go on with other ones.
    """
    names = ("vgg19", "vggface", "dlib", "l1")
    terms = [term for term in names if lines and term in lines[-1]]
    alike = itertools.takewhile(lambda line: all(t in line for t in terms), reversed(lines))
    lines = list(alike)[::-1]
    if len(lines) < LEAST or not terms:
        return False
    third = len(lines) // 3

    def mean(term: str, part: Lines) -> float:
        return sum(line[term] for line in part) / len(part)

    return all(mean(t, lines[-third:]) > 0.97 * mean(t, lines[:third]) for t in terms)


def _output_saturated(lines: Lines) -> bool:
    return _lasts(lines, lambda line: line["saturated"] > 0.5)


def _units_dead(lines: Lines) -> bool:
    return _lasts(lines, lambda line: line["dead_units"] > 0.5)


SIGNS = (
    Sign(
        "the discriminator has won", _discriminator_won,
        "it tells every output from a photo with ease, so the generator learns little from it: "
        "--discriminator-steps 1, a lower --discriminator-lr, or a lower --adversarial-weight",
    ),
    Sign(
        "the embedding collapses", _embedding_collapses,
        "all people get nearly the same embedding: lower --matching-weight (0 trains the "
        "feed-forward variant), or let it rise for longer with --matching-warmup",
    ),
    Sign(
        "the embedder is ignored", _embedder_ignored,
        "another person's embedding changes the output by less than 5 % of the difference between "
        "the people: raise the content weights against --adversarial-weight, or --gain-offset 1",
    ),
    Sign(
        "the content loss does not fall", _content_stalls,
        "outputs come no nearer to the photos: look at samples/ and at the gradient norms; raise "
        "--generator-lr, or --gain-offset 1, or first learn a few by heart with --overfit 4",
    ),
    Sign(
        "the output is saturated", _output_saturated,
        "most pixels are black or white: lower --generator-lr, or start again from the last good "
        "checkpoint with a lower --adversarial-weight",
    ),
    Sign(
        "half of the embedding is dead", _units_dead,
        "its units are 0 for every video: lower --generator-lr or --matching-weight",
    ),
)  # fmt: skip
