"""The paper's own table, to be shown beside ours; nobody has confirmed it."""

from typing import NamedTuple

STATUS = (
    "Table 1 of the paper as recalled: UNCONFIRMED. Other data, other crops, FID of 1,600 frames: "
    "an orientation, not a yardstick."
)


class PaperRow(NamedTuple):
    """One line: FID, SSIM and CSIM of one method by T."""

    data: str
    method: str
    shots: int
    fid: float
    ssim: float
    csim: float


# Source: Table 1 of the paper as section 6 of the reference specification recalls it.
TABLE = tuple(
    PaperRow(data, method, shots, *numbers)
    for data, method, lines in (
        ("VoxCeleb1", "X2Face", ((45.8, 0.68, 0.16), (51.5, 0.73, 0.17), (56.5, 0.75, 0.18))),
        ("VoxCeleb1", "Pix2pixHD", ((42.7, 0.56, 0.09), (35.1, 0.64, 0.12), (24.0, 0.70, 0.16))),
        ("VoxCeleb1", "Ours", ((43.0, 0.67, 0.15), (38.0, 0.71, 0.17), (29.5, 0.74, 0.19))),
        ("VoxCeleb2", "Ours-FF", ((46.1, 0.61, 0.42), (42.2, 0.64, 0.47), (40.4, 0.65, 0.48))),
        ("VoxCeleb2", "Ours-FT", ((48.5, 0.64, 0.35), (42.2, 0.68, 0.42), (30.6, 0.72, 0.45))),
    )
    for shots, numbers in zip((1, 8, 32), lines, strict=True)
)
