"""A browser for tests, and the page that it visits."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
MODEL = ROOT / "models" / "drawn_heads.pt"


class Served(NamedTuple):
    """A page that is served."""

    address: str
    folder: Path
    """In which it keeps what visitors bring."""
    process: subprocess.Popen

    def kept(self) -> list[Path]:
        """List the desks' folders."""
        return list(self.folder.glob("talking-heads-*/desk-*"))


@contextlib.contextmanager
def served(folder: Path, *options: object) -> Iterator[Served]:
    """Serve the page in a process of its own, until the block ends."""
    port = free_port()
    words = ["app.py", "--port", port, "--models", MODEL, "--threads", 1, "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, *map(str, (*words, *options))], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": str(folder)},
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        assert str(port) in line, line
        yield Served(f"http://127.0.0.1:{port}/", folder, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def chromium(*options: str) -> Iterator:
    """Start a browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *options]
        )
        yield browser
        browser.close()


def visit(browser, served: Served, width: int = 1280):
    """Open the page as a new visitor, in a tab of their own."""
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.set_default_timeout(1000 * 60)
    page.goto(served.address)
    page.wait_for_selector("#make")
    return page


def wait_for_words(page, place: str, words: str) -> str:
    """Wait until a part of the page has these words; return all that it says."""
    page.wait_for_function(
        "([place, words]) => document.querySelector(place)?.innerText.includes(words)",
        arg=[place, words],
    )
    return page.inner_text(place)


def give(page, place: str, *files: Path) -> None:
    """Drop files into a box of the page."""
    page.set_input_files(f"{place} input[type=file]", [str(file) for file in files])


def make_head(page, steps: int, *files: Path) -> None:
    """Drop pictures and have a head made of them; it is not waited for."""
    give(page, "#pictures", *files)
    wait_for_words(page, "#found", files[-1].name)
    page.fill("#steps input[type=number]", str(steps))
    page.keyboard.press("Tab")
    page.click("#make")
