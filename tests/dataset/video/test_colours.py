"""Whatever a file's colours are coded in, they come out as a viewer shows them."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image

from dataset.photos import GROUND
from dataset.video.reading import probe, stream_frames

# The 24 patches of X-Rite's ColorChecker in sRGB, and skins of four kinds.
CHART = np.array([
    (115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170),
    (214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46),
    (56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (8, 133, 161),
    (243, 243, 242), (200, 200, 200), (160, 160, 160), (122, 122, 121), (85, 85, 85), (52, 52, 52),
    (255, 224, 189), (224, 172, 105), (141, 85, 36), (60, 35, 22),
], np.uint8).reshape(4, 7, 3)  # fmt: skip
PATCH = 32
PICTURE = CHART.repeat(PATCH, 0).repeat(PATCH, 1)

TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
TO_P3 = np.array([[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]])
WHITE = 203.0  # cd/m2 of an ordinary white in HDR, by BT.2408


def displayed(picture):
    """Light of an ordinary screen, 0 to 1, by BT.1886."""
    return (picture / 255.0) ** 2.4


def wide(matrix):
    """Code for a screen with other primaries."""
    return lambda picture: np.clip(displayed(picture) @ matrix.T, 0, 1) ** (1 / 2.4)


def hlg(picture):
    """By BT.2100, for a screen of 1000 cd/m2."""
    light = displayed(picture) @ TO_2020.T * WHITE / 1000
    luminance = np.maximum(light @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None]
    scene = light * luminance ** (1 / 1.2 - 1)
    low = np.sqrt(3 * scene)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, low, high)


def pq(picture):
    """By BT.2100."""
    light = (displayed(picture) @ TO_2020.T * WHITE / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * light) / (1 + 18.6875 * light)) ** 78.84375


def plain(picture):
    return picture / 255.0


BT709, BT601, BT2020 = Colorspace.ITU709, Colorspace.SMPTE170M, Colorspace.BT2020
LIMITED, FULL = ColorRange.MPEG, ColorRange.JPEG
PRIMARIES, TRC = ColorPrimaries, ColorTrc
CODED = {
    "BT.601": (plain, "yuv420p", BT601, LIMITED, PRIMARIES.SMPTE170M, TRC.SMPTE170M),
    "BT.709": (plain, "yuv420p", BT709, LIMITED, PRIMARIES.BT709, TRC.BT709),
    "BT.709, full range": (plain, "yuv420p", BT709, FULL, PRIMARIES.BT709, TRC.BT709),
    "BT.709, 10 bit": (plain, "yuv420p10le", BT709, LIMITED, PRIMARIES.BT709, TRC.BT709),
    "Display P3": (wide(TO_P3), "yuv420p10le", BT709, LIMITED, PRIMARIES.SMPTE432, TRC.BT709),
    "BT.2020": (wide(TO_2020), "yuv420p10le", BT2020, LIMITED, PRIMARIES.BT2020, TRC.BT2020_10),
    "HLG": (hlg, "yuv420p10le", BT2020, LIMITED, PRIMARIES.BT2020, TRC.ARIB_STD_B67),
    "PQ": (pq, "yuv420p10le", BT2020, LIMITED, PRIMARIES.BT2020, TRC.SMPTE2084),
}


def encode(path, coded, pixels, matrix, span, primaries, trc):
    """Write two frames of values (H, W, 3), 0 to 1, in a code."""
    values = np.ascontiguousarray((coded * 65535).round().astype(np.uint16))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25)
        stream.height, stream.width = values.shape[:2]
        stream.pix_fmt = pixels
        stream.options = {"x265-params": "log-level=none:crf=8"}
        context = stream.codec_context
        context.colorspace, context.color_range = matrix, span
        context.color_primaries, context.color_trc = primaries, trc
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(values, format="rgb48le").reformat(
                format=pixels, src_color_range=FULL, dst_colorspace=matrix, dst_color_range=span
            )
            frame.color_trc, frame.color_primaries = trc, primaries
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def error(path):
    """Mean over the patches' centres, grey values."""
    frame = next(stream_frames(path))
    scale = len(frame) // len(PICTURE)
    seen = frame[scale * PATCH // 2 :: scale * PATCH, scale * PATCH // 2 :: scale * PATCH]
    return np.abs(seen.astype(int) - CHART).mean()


@pytest.mark.parametrize("kind", CODED)
def test_a_known_chart_comes_out_as_it_is_whatever_it_is_coded_in(kind, tmp_path):
    code, *tags = CODED[kind]
    encode(tmp_path / "chart.mkv", code(PICTURE), *tags)
    assert error(tmp_path / "chart.mkv") <= 3


def test_large_pictures_without_tags_are_taken_for_hdtvs_and_small_ones_are_not(tmp_path):
    untagged = (LIMITED, PRIMARIES.UNSPECIFIED, TRC.UNSPECIFIED)
    for name, picture, matrix in (
        ("small.mkv", PICTURE, BT601),
        ("large.mkv", PICTURE.repeat(6, 0).repeat(6, 1), BT709),
    ):
        encode(tmp_path / "tagged.mkv", plain(picture), "yuv420p", matrix, *untagged)
        with (
            av.open(str(tmp_path / "tagged.mkv")) as tagged,
            av.open(str(tmp_path / name), "w") as bare,
        ):
            output = bare.add_stream("ffv1", rate=25)
            output.height, output.width, output.pix_fmt = *picture.shape[:2], "yuv420p"
            for frame in tagged.decode(video=0):
                values = av.VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
                bare.mux(output.encode(values))
            bare.mux(output.encode(None))
        assert error(tmp_path / name) <= 3


def test_what_is_transparent_is_laid_on_a_plain_colour(tmp_path):
    hidden = np.dstack([np.full((16, 16, 3), (0, 255, 0), np.uint8), np.zeros((16, 16), np.uint8)])
    hidden[4:12, 4:12] = (200, 30, 40, 255)
    frames = [Image.fromarray(hidden), Image.fromarray(np.roll(hidden, 1, 0))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], disposal=2)
    for frame in stream_frames(tmp_path / "a.gif"):
        assert tuple(frame[0, 0]) == GROUND
        assert np.abs(frame[8, 8].astype(int) - (200, 30, 40)).max() <= 8


@pytest.mark.parametrize(
    ("aspect", "shown"),
    [(Fraction(4, 3), (64, 36)), (Fraction(2, 3), (48, 54)), (Fraction(100), (48, 36))],
)
def test_pixels_that_are_not_square_are_stretched_until_they_are(tmp_path, aspect, shown):
    picture = np.zeros((36, 48, 3), np.uint8)
    picture[:, 24:] = 200
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 36, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert probe(tmp_path / "a.mp4")[2:] == shown
    frame = next(stream_frames(tmp_path / "a.mp4"))
    assert frame.shape[1::-1] == shown
    middle = frame.shape[1] // 2
    assert frame[:, : middle - 3].max() < 20 < 180 < frame[:, middle + 3 :].min()
