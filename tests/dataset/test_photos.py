"""Photos of every kind come out as they are meant to be seen."""

import io
import itertools
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from dataset.images import read_image
from tests.dataset.profiles import ADOBE_GAMMA, ADOBE_RGB, DISPLAY_P3, SRGB, chart, encoded, profile


def scene(height=48, width=64) -> np.ndarray:
    """Return smooth colours without symmetry, (H, W, 3) uint8."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([2 * columns + 40, 3 * rows + 30, rows + columns + 60], -1).astype(np.uint8)


def save(path, frame, mode="RGB", **options):
    Image.fromarray(frame).convert(mode).save(path, **options)
    return path


def error(frame, wanted) -> float:
    assert frame.shape == wanted.shape
    assert frame.dtype == np.uint8
    return float(abs(frame.astype(int) - wanted).mean())


def through_opencv(path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pixels_of_an_ordinary_png_are_those_of_opencv(tmp_path, mode):
    path = save(tmp_path / "a.png", scene(), mode)
    assert np.array_equal(read_image(path), through_opencv(path))


@pytest.mark.parametrize(("mode", "subsampling"), [*itertools.product(["RGB", "L"], [0, 2])])
def test_pixels_of_an_ordinary_jpeg_are_those_of_opencv(tmp_path, mode, subsampling):
    noise = np.random.default_rng(0).integers(0, 256, (51, 67, 3), dtype=np.uint8)
    path = save(tmp_path / "a.jpg", noise, mode, quality=80, subsampling=subsampling)
    assert abs(read_image(path).astype(int) - through_opencv(path)).max() <= 1


@pytest.mark.parametrize(
    "name",
    ["a.webp", "a.avif", "a.heic", "a.bmp", "a.tif", "a.gif", "a.jp2", "a.ppm", "a.qoi", "a.mpo"],
)
def test_every_kind_of_photo_is_read(tmp_path, name):
    if name == "a.heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = save(tmp_path / name, scene(), **{"quality": 90} if name != "a.jp2" else {})
    assert error(read_image(path), scene()) < 4


def test_a_file_with_a_wrong_suffix_is_read_by_its_content(tmp_path):
    for name, kind in (("a.HEIC", "AVIF"), ("b.jpg", "WEBP"), ("c.png", "JPEG"), ("d.tif", "PNG")):
        save(tmp_path / name, scene(), format=kind, quality=90)
        assert error(read_image(tmp_path / name), scene()) < 4


def test_a_heic_named_jpg_is_read_too(tmp_path):
    pytest.importorskip("pillow_heif").register_heif_opener()
    path = save(tmp_path / "a.jpg", scene(), format="HEIF", quality=90)
    assert error(read_image(path), scene()) < 4


def test_without_pillow_heif_a_heic_is_named_with_the_remedy(tmp_path, monkeypatch):
    pytest.importorskip("pillow_heif").register_heif_opener()
    path = save(tmp_path / "a.heic", scene(), quality=90)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ValueError, match=r"a\.heic is not a picture .*pip install pillow-heif$"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "avif"])
def test_the_colour_hidden_under_transparency_does_not_show(tmp_path, suffix):
    frame = scene()
    hidden = frame.copy()
    hidden[:, :20] = (0, 255, 0)
    alpha = np.full(frame.shape[:2], 255, np.uint8)
    alpha[:, :20] = 0
    options = {"lossless": True} if suffix == "webp" else {}
    options |= {"quality": 100, "subsampling": "4:4:4"} if suffix == "avif" else {}
    Image.fromarray(np.dstack([hidden, alpha])).save(tmp_path / f"a.{suffix}", **options)
    seen = read_image(tmp_path / f"a.{suffix}").astype(int)
    tolerance = 3 if suffix == "avif" else 0
    assert abs(seen[:, 1:19] - 128).max() <= tolerance
    assert abs(seen[:, 21:] - frame[:, 21:]).max() <= tolerance


def test_half_transparent_colours_are_mixed_with_the_grey_below(tmp_path):
    Image.new("RGBA", (6, 5), (228, 28, 128, 128)).save(tmp_path / "a.png")
    assert abs(read_image(tmp_path / "a.png").astype(int) - [178, 78, 128]).max() <= 1


def test_transparency_of_palettes_of_grey_and_of_one_colour_is_seen(tmp_path):
    picture = Image.fromarray(np.repeat([[0, 1, 2]], 4, 0).astype(np.uint8), "L").convert("P")
    picture.putpalette([0, 255, 0, 200, 100, 50, 10, 20, 30])
    wanted = [[128] * 3, [200, 100, 50], [10, 20, 30]]
    for name, transparency in (("a.png", bytes([0, 255, 255])), ("a.gif", 0)):
        picture.save(tmp_path / name, transparency=transparency)
        assert read_image(tmp_path / name)[0].tolist() == wanted, name
    grey = np.array([[[255, 0], [90, 255]]], np.uint8)
    Image.fromarray(grey, "LA").save(tmp_path / "grey.png")
    assert read_image(tmp_path / "grey.png")[0].tolist() == [[128] * 3, [90] * 3]
    Image.fromarray(scene()[:1, :2]).save(tmp_path / "key.png", transparency=(40, 30, 60))
    assert read_image(tmp_path / "key.png")[0].tolist() == [[128] * 3, scene()[0, 1].tolist()]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "avif", "heic"])
@pytest.mark.parametrize("space", ["sRGB", "Display P3", "Adobe RGB"])
def test_a_chart_keeps_its_colours_through_a_profile(tmp_path, space, suffix):
    primaries, gamma = {
        "sRGB": (SRGB, None),
        "Display P3": (DISPLAY_P3, None),
        "Adobe RGB": (ADOBE_RGB, ADOBE_GAMMA),
    }[space]
    options = {
        "jpg": {"quality": 95, "subsampling": 0},
        "webp": {"lossless": True},
        "avif": {"quality": 95, "subsampling": "4:4:4"},
        "heic": {"quality": 95, "chroma": 444},
    }
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    save(
        tmp_path / f"a.{suffix}",
        encoded(chart(), primaries, gamma),
        icc_profile=profile(primaries, gamma),
        **options.get(suffix, {}),
    )
    assert error(read_image(tmp_path / f"a.{suffix}"), chart()) <= 1.5


def test_pixels_in_srgb_stay_what_they_are_when_the_profile_says_so(tmp_path):
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(64, 64, 3)
    nearly = ((0.641, 0.3303), *SRGB[1:])  # as rounded as in some cameras
    save(tmp_path / "a.png", colours, icc_profile=profile(nearly))
    assert np.array_equal(read_image(tmp_path / "a.png"), colours)


def test_a_cut_out_with_a_profile_keeps_its_colours(tmp_path):
    colours = encoded(chart(), DISPLAY_P3)
    cut = np.dstack([colours, np.full(colours.shape[:2], 255, np.uint8)])
    Image.fromarray(cut).save(tmp_path / "a.png", icc_profile=profile(DISPLAY_P3))
    assert error(read_image(tmp_path / "a.png"), chart()) < 1


@pytest.mark.parametrize("broken", [b"no profile", profile(DISPLAY_P3)[:200], bytes(500)])
def test_a_broken_profile_is_ignored(tmp_path, broken):
    save(tmp_path / "a.png", scene(), icc_profile=broken)
    assert np.array_equal(read_image(tmp_path / "a.png"), scene())


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_becomes_rgb(tmp_path, suffix):
    save(tmp_path / f"a.{suffix}", scene(), "CMYK")
    assert error(read_image(tmp_path / f"a.{suffix}"), scene()) < 4


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("colours", ["grey", "rgb"])
def test_16_bits_are_scaled_and_not_cut_off(tmp_path, suffix, colours):
    wide = scene().astype(np.uint16) * 257
    wide = wide[..., 0] if colours == "grey" else wide
    bgr = wide if colours == "grey" else wide[..., ::-1]
    assert cv2.imwrite(str(tmp_path / f"a.{suffix}"), bgr)
    wanted = scene() if colours == "rgb" else scene()[..., :1].repeat(3, -1)
    assert error(read_image(tmp_path / f"a.{suffix}"), wanted) < 1


def test_one_bit_and_palettes_become_rgb(tmp_path):
    save(tmp_path / "bits.png", scene()[..., :1].repeat(3, -1), "1")
    assert set(np.unique(read_image(tmp_path / "bits.png"))) == {0, 255}
    save(tmp_path / "palette.png", scene(), "P")
    assert error(read_image(tmp_path / "palette.png"), scene()) < 20


@pytest.mark.parametrize("suffix", ["gif", "webp", "apng", "tif"])
def test_the_first_picture_of_several_is_taken(tmp_path, suffix):
    first, second = (Image.new("RGB", (16, 16), (level,) * 3) for level in (200, 40))
    kind = {"format": "PNG"} if suffix == "apng" else {}
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=[second], **kind)
    assert abs(read_image(tmp_path / f"a.{suffix}").astype(int) - 200).max() <= 2


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_kind_is_turned_as_its_exif_data_say(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"tiffinfo": {0x0112: orientation}} if suffix == "tif" else {"exif": exif}
    save(tmp_path / f"a.{suffix}", scene(), **options)
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}[orientation]
    wanted = np.rot90(scene(), turns)
    wanted = {2: np.fliplr, 4: np.fliplr, 5: np.flipud, 7: np.flipud}.get(orientation, np.array)(
        wanted
    )
    assert error(read_image(tmp_path / f"a.{suffix}"), wanted) < 5


def test_broken_exif_data_do_not_cost_the_picture_nor_its_orientation(tmp_path):
    def entry(tag, kind, count, value):
        return struct.pack("<HHII", tag, kind, count, value)

    turn = entry(0x0112, 3, 1, 6)
    negative = entry(0x8769, 9, 1, 0xFFFFFF00)  # where more of them would be
    word = entry(0x011A, 2, 2, 29)  # for a number
    for broken in (turn + negative, turn + word):
        tiff = struct.pack("<HIH", 42, 8, 2) + broken + bytes(60)
        save(tmp_path / "a.jpg", scene(), exif=b"Exif\0\0II" + tiff, quality=95)
        assert error(read_image(tmp_path / "a.jpg"), np.rot90(scene(), 3)) < 4
    save(tmp_path / "a.webp", scene(), exif=b"Exif\0\0no EXIF data at all", quality=95)
    assert error(read_image(tmp_path / "a.webp"), scene()) < 4


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "tif", "avif", "bmp"])
def test_a_file_that_is_cut_short_is_no_picture(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = save(tmp_path / f"a.{suffix}", noise).read_bytes()
    (tmp_path / f"a.{suffix}").write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(ValueError, match=rf"a\.{suffix} is not a picture") as caught:
        read_image(tmp_path / f"a.{suffix}")
    assert "\n" not in str(caught.value)


def png_of_zeros(path, width, height) -> None:
    """Write a PNG that says it is so large, and holds a few zeros alone."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + data)


def test_a_picture_that_would_fill_the_memory_is_refused_with_its_size(tmp_path):
    png_of_zeros(tmp_path / "bomb.png", 30000, 20000)
    with pytest.raises(ValueError, match=r"bomb\.png .*30000 x 20000 pixels, at most 268 million"):
        read_image(tmp_path / "bomb.png")


def test_photos_of_200_million_pixels_are_not_taken_for_bombs(tmp_path, recwarn):
    png_of_zeros(tmp_path / "phone.png", 16320, 12240)
    with pytest.raises(ValueError, match="can be read whole"):  # as most of it is not there
        read_image(tmp_path / "phone.png")
    assert not recwarn.list


def test_damage_anywhere_is_a_valueerror_of_one_line_or_a_picture(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF", "BMP", "JPEG2000", "PPM", "QOI"):
        whole = io.BytesIO()
        Image.fromarray(scene(24, 32)).save(whole, kind)
        for _ in range(30):
            data = bytearray(whole.getvalue())
            for place in rng.integers(0, len(data), 3):
                data[place] = rng.integers(0, 256)
            (tmp_path / "a.bin").write_bytes(data)
            try:
                frame = read_image(tmp_path / "a.bin")
            except ValueError as wrong:
                assert "\n" not in str(wrong)
            else:
                assert frame.dtype == np.uint8
                assert frame.shape[2] == 3
