"""The page in a real browser, as its visitors use it."""

import functools
import itertools
import re
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import app
from dataset.detection.dlib import DlibDetector
from dataset.images import write_image
from dataset.video.reading import probe
from dataset.video.writing import VideoWriter
from drawn_heads.motion import Pose
from drawn_heads.people import draw_person
from drawn_heads.render import render
from drawn_heads.scenes import draw_scene
from metric.geometry import head_pose
from tests.conftest import call_script, run_script
from tests.dataset.video.clips import add_sound, heard
from tests.page.browsing import (
    CHROMIUM,
    chromium,
    give,
    make_head,
    served,
    visit,
    wait_for_words,
)
from tests.runs import assert_one_line

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
YAWS = 0, -20, 20, 10


@pytest.fixture(scope="module")
def shots():
    """Frames of somebody who turns."""
    return [render(draw_person(3), draw_scene(3), Pose(yaw=yaw), 192)[0] for yaw in YAWS]


@pytest.fixture(scope="module")
def photos(shots, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    paths = [folder / f"photo{number}.png" for number in range(len(shots))]
    for path, shot in zip(paths, shots, strict=True):
        write_image(path, shot)
    return paths


@pytest.fixture(scope="module")
def film(shots, tmp_path_factory):
    """A second of that person, with sound."""
    folder = tmp_path_factory.mktemp("film")
    with VideoWriter(folder / "mute.mp4", 10) as writer:
        for shot in itertools.islice(itertools.cycle(shots), 10):
            writer.write(shot)
    add_sound(folder / "mute.mp4", folder / "driver.mp4", 0.5)
    return folder / "driver.mp4"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(tmp_path_factory.mktemp("site"), "--longest", 5) as site:
        yield site


@pytest.fixture(scope="module")
def browser(shots, tmp_path_factory):
    """A browser, and in its camera the person, who turns to one side and to the other."""
    clip = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    turns = [cv2.imencode(".jpg", cv2.cvtColor(shot, cv2.COLOR_RGB2BGR))[1] for shot in shots[1:3]]
    clip.write_bytes(b"".join(turns[number // 60].tobytes() for number in range(120)))
    options = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={clip}",
    )
    with chromium(*options) as browser:
        yield browser


@needs_browser
def test_from_photos_and_a_film_to_a_result_that_plays_with_its_sound(
    site, browser, photos, film, tmp_path
):
    page, asked = visit(browser, site), set()
    page.on("request", lambda request: asked.add(request.url))
    make_head(page, 10, *photos)
    words = wait_for_words(page, "#head-words", "Learnt 3 pictures in 10 steps.")
    before, after = map(float, re.findall(r"[\d.]+(?= before| after)", words))
    assert after < before
    assert page.locator("#portraits img").count() == 3
    give(page, "#film", film)
    page.wait_for_selector("#film video")
    page.click("#animate")
    wait_for_words(page, "#result-words", "10 frames")
    page.wait_for_function("document.querySelector('#result video')?.currentTime > 0.3")
    assert page.evaluate("document.querySelector('#result video').videoWidth") == 64
    source = page.get_attribute("#result video", "src")
    saved = tmp_path / "saved.mp4"
    saved.write_bytes(urllib.request.urlopen(source).read())
    assert probe(saved).frames == 10
    assert heard(saved)[0] == pytest.approx(0.5, abs=0.05)
    assert {url.split("/")[2] for url in asked if "//" in url} == {site.address.split("/")[2]}
    page.context.close()


@needs_browser
def test_a_head_is_kept_opened_again_and_pasted_into_the_film(
    site, browser, photos, film, tmp_path
):
    page = visit(browser, site)
    make_head(page, 0, photos[0])
    wait_for_words(page, "#head-words", "at once")
    with page.expect_download() as download:
        page.click("#keep")
    download.value.save_as(tmp_path / "me.pt")
    page.context.close()
    page = visit(browser, site)
    page.click("text=Open a head that you have kept")
    give(page, "#kept", tmp_path / "me.pt")
    wait_for_words(page, "#head-words", "Opened me.pt: 64 pixels")
    give(page, "#film", film)
    page.wait_for_selector("#film video")
    page.click("#paste label:has-text('in the film')")
    page.click("#animate")
    wait_for_words(page, "#result-words", "10 frames")
    page.wait_for_function("document.querySelector('#result video')?.videoWidth == 192")
    page.context.close()


@needs_browser
def test_it_says_what_is_seen_and_what_is_wrong_in_plain_words(
    site, browser, photos, shots, tmp_path
):
    page = visit(browser, site)
    other = render(draw_person(5), draw_scene(5), Pose(), 192)[0]
    write_image(tmp_path / "two.png", np.concatenate([shots[0], other], axis=1))
    write_image(tmp_path / "wall.png", np.full((200, 200, 3), 128, np.uint8))
    (tmp_path / "not.jpg").write_text("a letter")
    names = "two.png", "wall.png", "not.jpg"
    give(page, "#pictures", photos[0], *(tmp_path / name for name in names))
    words = wait_for_words(page, "#found", "A face in 2 of 4 pictures.")
    assert "photo0.png: good" in words
    assert "two.png: several faces" in words
    assert "wall.png: no face is found" in words
    assert "not.jpg: cannot be read" in words
    page.click("#make")
    page.context.close()

    page = visit(browser, site)
    page.click("#make")
    wait_for_words(page, "body", "there are no pictures yet")
    page.click("#animate")
    wait_for_words(page, "body", "there is no head yet")
    make_head(page, 0, tmp_path / "wall.png")
    wait_for_words(page, "body", "wall: no face in any of 1 frames")
    (tmp_path / "film.mp4").write_text("a letter")
    long = tmp_path / "long.mp4"
    with VideoWriter(long, 1) as writer:
        writer.write(shots[0], 6)
    make_head(page, 0, photos[0])
    wait_for_words(page, "#head-words", "at once")
    for driver, wrong in ((long, "6 seconds long"), (tmp_path / "film.mp4", "film.mp4")):
        give(page, "#film", driver)
        page.wait_for_selector("#film video")
        page.click("#animate")
        assert str(site.folder) not in wait_for_words(page, "body", wrong)
        page.click("#film [aria-label='Clear']")
    page.context.close()


@needs_browser
def test_a_job_is_stopped_and_a_second_visitor_waits_for_it_and_sees_nothing_of_the_first(
    site, browser, photos
):
    first, second = visit(browser, site), visit(browser, site, width=390)
    make_head(first, 200, *photos)
    wait_for_words(first, "body", "learning -")
    make_head(second, 0, photos[1])
    second.wait_for_timeout(1000)
    assert "at once" not in second.inner_text("#head-words")
    first.click("#stop-making")
    words = wait_for_words(first, "#head-words", "then stopped")
    assert int(re.search(r"in (\d+) steps", words)[1]) < 200
    wait_for_words(second, "#head-words", "at once")
    assert "stopped" not in second.inner_text("body")
    assert len(site.kept()) >= 2
    assert second.evaluate("document.documentElement.scrollWidth") <= 390
    for page in (first, second):
        page.context.close()


@needs_browser
def test_what_a_visitor_brought_is_gone_when_they_have_left(site, browser, photos):
    known = set(site.kept())
    page = visit(browser, site)
    make_head(page, 0, photos[0])
    wait_for_words(page, "#head-words", "at once")
    (own,) = set(site.kept()) - known
    page.context.close()
    waiting = visit(browser, site)
    for _ in range(100):
        if not own.exists():
            break
        waiting.wait_for_timeout(100)
    assert not own.exists()
    waiting.context.close()


@needs_browser
def test_the_head_follows_the_browsers_camera(site, browser, photos):
    page = visit(browser, site)
    page.get_by_role("tab", name="Your camera").click()
    page.click("#start")
    wait_for_words(page, "#live-words", "There is no head yet")
    make_head(page, 0, photos[0])
    wait_for_words(page, "#head-words", "at once")
    page.click("#start")
    words = wait_for_words(page, "#live-words", "ms from camera to picture")
    assert re.match(r"\d+ frames/s, \d+ ms from camera", words)
    agreed, deadline = set(), time.monotonic() + 60
    while agreed != {-1, 1} and time.monotonic() < deadline:
        page.wait_for_timeout(200)
        driver, head = map(yaw_of, page.evaluate(BOTH_PICTURES))
        agreed |= {np.sign(driver)} & {np.sign(head)}
    assert agreed == {-1, 1}, "the head turns to both sides as the driver does"
    page.click("#end")
    page.wait_for_function("document.getElementById('live-camera').srcObject?.active !== true")
    page.context.close()


BOTH_PICTURES = """() => ["live-camera", "live-head"].map((name) => {
  const context = new OffscreenCanvas(192, 192).getContext("2d");
  context.drawImage(document.getElementById(name), 0, 0, 192, 192);
  return Array.from(context.getImageData(0, 0, 192, 192).data);
})"""


def yaw_of(numbers: list[int]) -> float:
    """Find how far a face is turned, degrees."""
    frame = np.array(numbers, np.uint8).reshape(192, 192, 4)[..., :3]
    found = dlib().detect([frame], [(Path("page"), 0)], [None])
    return float(head_pose(torch.from_numpy(found), 192)[0, 0])


@functools.cache
def dlib() -> DlibDetector:
    return DlibDetector()


def test_nothing_but_its_own_folder_is_served(site):
    for path in ("config.py", "/etc/passwd", str(site.folder / ".."), "../config.py"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{site.address}gradio_api/file={path}")
        assert refused.value.code in (403, 404)


def test_a_signal_ends_it_and_leaves_nothing_behind(tmp_path):
    with served(tmp_path) as site:
        assert list(tmp_path.iterdir())
        site.process.send_signal(signal.SIGTERM)
        assert site.process.wait(60) == 143
    assert not list(tmp_path.iterdir())


def test_two_models_of_one_name_are_both_offered(tmp_path):
    places = [tmp_path / name for name in ("one/vox.pt", "one/vox (2).pt", "two/vox.pt")]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        place.touch()
    models = app._models([tmp_path / "one", tmp_path / "two"])
    assert models.keys() == {"vox", "vox (2)", "vox (3)"}
    assert sorted(models.values()) == sorted(places)


@pytest.mark.parametrize(
    "words, complaint",
    [
        (("--models", "nowhere"), "--models nowhere does not exist"),
        (("--models", "tests"), "holds no model"),
        (("--models", "README.md"), "README.md"),
    ],
)
def test_a_careless_start_ends_in_one_line(words, complaint):
    assert_one_line(call_script(app.main, "app.py", *words), complaint)


def test_a_port_that_is_taken_is_said(site):
    port = site.address.rstrip("/").rsplit(":", 1)[1]
    assert_one_line(run_script("app.py", "--port", port), port)
