"""A web page on which pictures of a person learn to move: python app.py, then open the address.

python app.py
python app.py --models runs/vox my_model.pt --device cuda
"""

import system.waiting  # noqa: F401 - sets how PyTorch's threads wait

import importlib.util
import os
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

import cli
from config import App
from dataset.detection.kinds import prepare_detector
from system.device import set_threads
from training.checkpoint import is_run, load

SHIPPED = Path(__file__).parent / "models"
NEEDED = "requirements-app.txt"


def main() -> None:
    config = cli.parse(App, "app.py")
    if importlib.util.find_spec("gradio") is None:
        raise ValueError(f"the page needs Gradio: pip install -r {NEEDED}")
    models = _models(config.models or [SHIPPED])
    sizes = {name: _image_size(path) for name, path in models.items()}
    models = {name: models[name] for name in sorted(models, key=lambda name: -sizes[name])}
    prepare_detector(config.detector)
    set_threads(config.runtime.threads)  # and gives memory back, for it waits most of its time
    with tempfile.TemporaryDirectory(prefix="talking-heads-") as folder:
        os.environ.update(GRADIO_TEMP_DIR=folder, GRADIO_ANALYTICS_ENABLED="False")
        _serve(config, models, sizes, Path(folder))


def _serve(config: App, models: dict[str, Path], sizes: dict[str, int], folder: Path) -> None:
    """Show the page until Ctrl-C; what visitors bring lies in the folder."""
    from page.desk import Computing, Limits  # with Gradio, which reads the environment
    from page.layout import Page
    from page.reception import Reception
    from page.style import CSS, SCRIPT, THEME

    runtime = config.runtime
    computing = Computing(config.detector, runtime.device, runtime.precision)
    reception = Reception(folder, computing, Limits(config.longest, config.most_steps))
    page = Page(models, sizes, reception.desk, config.most_steps)
    page.blocks.unload(reception.leave)
    page.blocks.queue(max_size=config.waiting, api_open=False)
    server, address, _ = page.blocks.launch(
        server_name=config.host, server_port=config.port, theme=THEME, css=CSS, head=SCRIPT,
        max_file_size=f"{config.largest}mb", footer_links=[], share=False, ssr_mode=False,
        prevent_thread_lock=True, quiet=True,
    )  # fmt: skip
    server.add_api_websocket_route("/live", reception.live)
    print(f"the page is at {address} (Ctrl-C ends it)", flush=True)
    try:
        threading.Event().wait()
    finally:
        reception.close()
        page.blocks.close(verbose=False)


def _models(places: Iterable[Path]) -> dict[str, Path]:
    """Name the models of files, runs and folders of files.

    Raises:
        FileNotFoundError: there is no such place.
        ValueError: there is no model in it.
    """
    models = {}
    for place in places:
        if not place.exists():
            raise FileNotFoundError(f"--models {place} does not exist")
        one = place.is_file() or is_run(place)
        files = [place] if one else sorted(place.glob("*.pt"))
        if not files:
            raise ValueError(f"--models {place} holds no model (*.pt) and is no run of train.py")
        for file in files:
            name, number = file.stem, 1
            while name in models:
                number += 1
                name = f"{file.stem} ({number})"
            models[name] = file
    return models


def _image_size(model: Path) -> int:
    return load(model, "run", "model")["config"]["networks"]["image_size"]


if __name__ == "__main__":
    cli.run(main)
