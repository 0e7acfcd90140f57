"""Movement from frame to frame that the driver did not make."""

from torch import Tensor

from metric.geometry import outer_eye_distance
from metric.pixels import require_same_shape

TWO_FRAMES = 2**0.5  # the difference of two independent errors is so much larger than each


def landmark_jitter(found: Tensor, wanted: Tensor) -> Tensor:
    """Return how far the landmarks' error moves from one frame to the next.

    The error e_t = found_t - wanted_t, as a share of the outer-eye distance, is large but still
    when a face is displaced; here only its change counts: the root of the mean over points of
    |e_t - e_(t-1)|^2 / 2, mean over t. Errors of length s, drawn afresh in each frame, give s.

    Args:
        found, wanted: (F, 68, 2) (x, y) in pixels, frames in the order of time.

    Returns:
        (); steps from or to a frame with NaN are left out; NaN when no step remains.
    """
    error = (found - wanted) / outer_eye_distance(wanted)[:, None, None]
    step = (error[1:] - error[:-1]) / TWO_FRAMES
    return step.square().sum(-1).mean(-1).sqrt().nanmean()


def flicker(images: Tensor, truth: Tensor, data_range: float = 2.0) -> Tensor:
    """Return how much the images' error changes from one frame to the next; needs no landmarks.

    With d_t = images_t - truth_t it is the mean of |d_t - d_(t-1)| / sqrt(2) as a share of the
    data range. Gaussian noise drawn afresh in each frame gives its own L1; what stays as it is,
    such as a wrong colour, gives 0.

    Args:
        images, truth: (F, C, H, W), here in [-1, 1], frames in the order of time.
        data_range: largest difference between two pixels.

    Returns:
        (); NaN for fewer than two frames.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_shape(images, truth)
    error = images.float() - truth.float()
    return (error[1:] - error[:-1]).abs().mean() / (TWO_FRAMES * data_range)
