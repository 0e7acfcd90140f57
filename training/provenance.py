"""Whose landmarks a model has learnt, and a warning where it is shown another detector's."""

import sys
from collections.abc import Collection, Mapping
from typing import Any


def detectors_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the detectors that found the landmarks of a run's --data and --mix.

    Args:
        config: of a run, model or head.

    Returns:
        Their names, sorted; none where it is not noted of both, as in older files.
    """
    folders = ["data"]
    if config.get("mix") or config.get("mix_data"):  # older runs name the folder alone
        folders.append("mix_data")
    names = {(config.get(folder) or {}).get("detector") for folder in folders}
    return () if None in names else tuple(sorted(names))


def warn_of_other_detectors(
    what: str, found_by: Collection[str], model: object, learnt: Collection[str]
) -> None:
    """Say in one line on stderr that landmarks are of a detector that a model does not know.

    Args:
        what: has these landmarks.
        found_by: the detectors that found them.
        model: the run, model or head that is to follow them, as the user named it.
        learnt: the detectors whose landmarks it has learnt; none: unknown, and nothing is said.
    """
    others = sorted({*found_by} - {*learnt})
    if learnt and others:
        print(
            f"warning: the landmarks of {what} ({', '.join(others)}) come from another detector "
            f"than those that {model} has learnt ({', '.join(learnt)}): two detectors place them "
            "a few percent of the face apart, mostly at jaw and brows, so likeness may suffer",
            file=sys.stderr,
        )
