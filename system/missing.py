"""What is said where a trained network's file is missing; known without importing PyTorch."""


class MissingWeights(ValueError):  # noqa: N818, it says what is wrong and a caller may go on
    """Weights are not there and cannot be downloaded."""
