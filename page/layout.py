"""The page itself: what stands where, and what calls what."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import gradio as gr

from dataset.kinds_of_files import PHOTO_SUFFIXES, VIDEO_SUFFIXES, is_photo
from page.cards import cards
from page.desk import PASTE, Desk, Stopped

FACES = ["largest", "left", "right"]
MOTIONS = {  # first what keeps the person's own face, for visitors bring another's motion
    "the driver's pose, this face's shape": "retargeted",
    "the driver's motion on this face": "relative",
    "the driver's face": "absolute",
}
STEPS = 40
WORK = {"concurrency_id": "work", "concurrency_limit": 1}  # learning and animating: one at a time
QUIET = {"api_visibility": "private"}

LIVE = """<div class='live'>
<figure><video id='live-camera' muted playsinline></video><figcaption>You</figcaption></figure>
<figure><canvas id='live-head'></canvas><figcaption>The head</figcaption></figure></div>
<p id='live-words'>The pictures of your camera go to this page's computer and are not kept.</p>"""
TITLE = """# Talking heads
A few pictures of a person, and a film or your own face that moves them. Use pictures of people who
have agreed to it, and say that a film is generated where you show it."""

ADVICE = " Take some that show one from the front, and not too small."

Desks = Callable[[gr.Request], Desk]
"""From a request to its visitor's desk."""


class Page:
    """The page's parts, and what is done when they are used.

    Args:
        models: of train.py, by the names that visitors see.
        sizes: side of each model's frames, pixels, by the same names.
        desks: gives each visitor a desk.
        most_steps: of learning.
    """

    def __init__(
        self, models: Mapping[str, Path], sizes: Mapping[str, int], desks: Desks, most_steps: int
    ):
        self.models, self.sizes, self.desks = models, sizes, desks
        with gr.Blocks(
            title="Talking heads", analytics_enabled=False, delete_cache=(60, 3600)
        ) as self.blocks:
            gr.Markdown(TITLE, elem_id="title")
            with gr.Row():
                with gr.Column():
                    self._lay_out_person(most_steps)
                with gr.Column():
                    self._lay_out_motion()
            self._connect()

    def _lay_out_person(self, most_steps: int) -> None:
        gr.Markdown("## 1 · Pictures of the person", elem_classes="step")
        names = list(self.models)
        self.pictures = gr.File(
            label="Photos, or a film", file_count="multiple", height=130, elem_id="pictures",
            file_types=[*PHOTO_SUFFIXES, *VIDEO_SUFFIXES],
        )  # fmt: skip
        with gr.Row():
            self.model = gr.Dropdown(
                names, value=names[0], label="Model", elem_id="model", min_width=200
            )
            self.face = gr.Radio(
                FACES, value=FACES[0], label="Of several faces, the", elem_id="face", min_width=260
            )
        self.found = gr.HTML(elem_id="found")
        gr.Markdown("## 2 · The head", elem_classes="step")
        self.steps = gr.Slider(
            0, most_steps, value=min(STEPS, most_steps), step=10, elem_id="steps",
            label="Steps of learning", info="0: at once, rough. 40: minutes on a CPU, much better.",
        )  # fmt: skip
        with gr.Row():
            self.make = gr.Button("Make the head", variant="primary", elem_id="make")
            self.stop_making = gr.Button("Stop", elem_id="stop-making")
        self.head_words = gr.Markdown(elem_id="head-words", elem_classes="words")
        self.portraits = gr.HTML(elem_id="portraits")
        with gr.Row():
            self.keep = gr.DownloadButton("Keep the head", elem_id="keep", visible=False)
        with gr.Accordion("Open a head that you have kept", open=False):
            self.kept = gr.File(
                label="A head (.pt)", file_types=[".pt"], height=110, elem_id="kept"
            )

    def _lay_out_motion(self) -> None:
        gr.Markdown("## 3 · The motion", elem_classes="step")
        with gr.Row():
            self.motion = gr.Radio(
                list(MOTIONS.items()), value="retargeted", label="Follow", elem_id="motion"
            )
        self.smooth = gr.Slider(
            0, 1, value=0, step=0.1, label="Keep from trembling", elem_id="smooth",
            info="0: as found; higher is calmer. A camera has at least 0.5.",
        )  # fmt: skip
        with gr.Tab("A film", elem_id="film-tab"):
            self._lay_out_film()
        with gr.Tab("Your camera", elem_id="camera-tab"):
            self._lay_out_camera()

    def _lay_out_film(self) -> None:
        with gr.Row():
            self.film = gr.Video(
                label="Whoever moves it", sources=["upload"], height=290, elem_id="film"
            )
            self.result = gr.Video(
                label="The result, with sound", interactive=False, autoplay=True, height=290,
                elem_id="result", buttons=["download"],
            )  # fmt: skip
        self.paste = gr.Radio(list(PASTE.items()), value="", label="Show", elem_id="paste")
        with gr.Row():
            self.animate = gr.Button("Animate", variant="primary", elem_id="animate")
            self.stop_animating = gr.Button("Stop", elem_id="stop-animating")
        self.result_words = gr.Markdown(elem_id="result-words", elem_classes="words")

    def _lay_out_camera(self) -> None:
        gr.HTML(LIVE, elem_id="live")
        self.token = gr.Textbox(visible=False)
        with gr.Row():
            self.start = gr.Button("Start the camera", variant="primary", elem_id="start")
            self.end = gr.Button("Stop", elem_id="end")

    def _connect(self) -> None:
        looked = {
            "fn": self._look, "inputs": [self.pictures, self.model, self.face],
            "outputs": [self.found], "concurrency_limit": 1, **QUIET,
        }  # fmt: skip
        self.pictures.change(**looked)
        self.face.change(**looked)
        self.make.click(self._ready, queue=False, **QUIET).then(
            self._make, [self.model, self.pictures, self.face, self.steps],
            [self.head_words, self.portraits, self.keep], **WORK, **QUIET,
        )  # fmt: skip
        self.kept.upload(
            self._open, [self.kept], [self.head_words, self.portraits, self.keep], **WORK, **QUIET
        )
        self.animate.click(self._ready, queue=False, **QUIET).then(
            self._animate, [self.film, self.motion, self.smooth, self.paste, self.pictures],
            [self.result, self.result_words], **WORK, **QUIET,
        )  # fmt: skip
        for button in (self.stop_making, self.stop_animating):
            button.click(self._stop, queue=False, **QUIET)
        self.start.click(self._token, outputs=[self.token], queue=False, **QUIET).then(
            None, [self.token, self.motion, self.smooth], js="(...asked) => live.start(...asked)"
        )
        self.end.click(None, js="() => live.stop()")

    def _look(self, files: list[str] | None, model: str, face: str, request: gr.Request):
        if not files:
            return ""
        with told(files):
            seen = self.desks(request).look([Path(f) for f in files], self.sizes[model], face)
        usable = sum(picture.usable for picture in seen)
        words = f"A face in {usable} of {len(seen)} pictures.{ADVICE * (not usable)}"
        return f"<p>{words}</p>{cards([picture[:2] for picture in seen])}"

    def _make(
        self, model: str, files: list[str] | None, face: str, steps: float, request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008, how Gradio wants it
    ):  # fmt: skip
        desk = self.desks(request)
        progress(0, desc="making the head")
        with told(files or []):
            words = desk.make(
                self.models[model], [Path(file) for file in files or []], face, int(steps),
                lambda step, total: progress((step, total), desc="learning", unit="steps"),
            )  # fmt: skip
            return words, *self._shown(desk)

    def _open(self, file: str, request: gr.Request):
        desk = self.desks(request)
        with told([file]):
            return desk.open(Path(file)), *self._shown(desk)

    def _shown(self, desk: Desk):
        """Show the head that is on the desk now."""
        keep = gr.update(value=str(desk.keep()), visible=True)
        return cards([(picture, "") for picture in desk.portraits()]), keep

    def _animate(
        self, film: str | None, motion: str, smooth: float, paste: str, files: list[str] | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008, how Gradio wants it
    ):  # fmt: skip
        photos = [Path(file) for file in files or [] if is_photo(Path(file))]
        progress(0, desc="looking at the film")
        with told([*(files or []), *([film] if film else [])]):
            result, words = self.desks(request).animate(
                film and Path(film), motion, smooth, paste, photos[0] if photos else None,
                lambda done, total: progress((done, total), desc="animating", unit="frames"),
            )  # fmt: skip
        return str(result), words

    def _token(self, request: gr.Request) -> str:
        """Tell the browser how to ask for its own head, if there is one."""
        desk = self.desks(request)
        return desk.token if desk.head else ""

    def _ready(self, request: gr.Request) -> None:
        self.desks(request).ready()

    def _stop(self, request: gr.Request) -> None:
        self.desks(request).stop()


@contextmanager
def told(files: list[str]) -> Iterator[None]:
    """Tell the visitor in one line what was wrong, with the names of their files and no paths."""
    try:
        yield
    except Stopped:
        raise complaint("Stopped", "Stopped, as you asked.") from None
    except (ValueError, OSError, FloatingPointError) as error:
        words = " ".join(str(error).split())
        for file in files:
            words = words.replace(file, Path(file).name)
        raise complaint("That did not work", words) from None


def complaint(title: str, words: str) -> gr.Error:
    """Make what Gradio shows in a corner of the page, until it is clicked away."""
    return gr.Error(words, title=title, duration=None, print_exception=False)
