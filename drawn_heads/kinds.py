"""Of what people are made: tones and colours, styles, and how often each occurs."""

# sRGB 0..1, from light to dark. Neighbours are mixed, so these are anchors and not the only tones.
SKIN_TONES = (
    (0.98, 0.86, 0.79),
    (0.96, 0.80, 0.70),
    (0.93, 0.75, 0.62),
    (0.88, 0.67, 0.52),
    (0.80, 0.58, 0.43),
    (0.70, 0.48, 0.34),
    (0.58, 0.38, 0.27),
    (0.46, 0.29, 0.21),
    (0.36, 0.23, 0.17),
)
HAIR_COLORS = {
    "black": (0.09, 0.08, 0.09),
    "dark brown": (0.19, 0.12, 0.09),
    "brown": (0.33, 0.21, 0.13),
    "light brown": (0.50, 0.34, 0.21),
    "blond": (0.82, 0.65, 0.40),
    "red": (0.58, 0.25, 0.12),
}
GREYS = ((0.62, 0.62, 0.63), (0.88, 0.87, 0.85), (0.74, 0.73, 0.72))
EYE_COLORS = (
    (0.28, 0.16, 0.09),
    (0.36, 0.22, 0.11),
    (0.45, 0.33, 0.16),
    (0.36, 0.44, 0.24),
    (0.30, 0.48, 0.62),
    (0.42, 0.50, 0.56),
)
CLOTHES = (
    (0.16, 0.22, 0.36),
    (0.62, 0.19, 0.20),
    (0.20, 0.42, 0.36),
    (0.86, 0.84, 0.80),
    (0.22, 0.22, 0.25),
    (0.80, 0.56, 0.22),
    (0.45, 0.30, 0.48),
    (0.36, 0.52, 0.68),
    (0.55, 0.60, 0.48),
    (0.85, 0.52, 0.48),
)
RIMS = (
    (0.10, 0.10, 0.11),
    (0.35, 0.20, 0.12),
    (0.55, 0.50, 0.42),
    (0.16, 0.20, 0.34),
    (0.5, 0.1, 0.1),
)
METALS = ((0.92, 0.78, 0.42), (0.86, 0.87, 0.90), (0.85, 0.82, 0.78), (0.72, 0.20, 0.24))
# Weight of every style for feminine and for masculine people.
HAIR_STYLES = {
    "bald": (0.0, 0.06),
    "buzz": (0.01, 0.13),
    "short": (0.07, 0.22),
    "side part": (0.06, 0.18),
    "quiff": (0.02, 0.13),
    "spiky": (0.01, 0.07),
    "curls": (0.10, 0.09),
    "afro": (0.07, 0.05),
    "bob": (0.17, 0.01),
    "long": (0.23, 0.05),
    "bangs": (0.11, 0.01),
    "bun": (0.08, 0.02),
    "ponytail": (0.10, 0.02),
}
# What becomes of hair on which no hat fits.
UNDER_HAT = {
    "quiff": "short",
    "spiky": "short",
    "curls": "short",
    "afro": "short",
    "bun": "ponytail",
}
GLASSES = {
    "none": 0.66,
    "round": 0.06,
    "square": 0.07,
    "oval": 0.05,
    "cat eye": 0.03,
    "half rim": 0.04,
    "aviator": 0.04,
    "large": 0.05,
}
BEARDS = {
    "none": 0.32,
    "stubble": 0.16,
    "moustache": 0.08,
    "goatee": 0.08,
    "circle": 0.08,
    "chin strap": 0.06,
    "short": 0.10,
    "full": 0.12,
}
HATS = {
    "none": (0.76, 0.76),
    "cap": (0.04, 0.09),
    "beanie": (0.05, 0.07),
    "brim": (0.04, 0.04),
    "headscarf": (0.09, 0.0),
    "hood": (0.02, 0.04),
}
EARRINGS = ("stud", "hoop", "drop")
