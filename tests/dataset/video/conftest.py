"""A clip to read from and to take as driver."""

import pytest

from tests.dataset.conftest import write_clip


@pytest.fixture(scope="package")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_clip(path, frames=30)
    return path
