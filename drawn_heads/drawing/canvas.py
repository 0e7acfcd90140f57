"""A small software renderer: shaded surfaces with depth, and soft polygons on top of them."""

from typing import NamedTuple

import cv2
import numpy as np

SUBPIXEL_BITS = 4
SUBPIXEL = 1 << SUBPIXEL_BITS


class Patch(NamedTuple):
    """The pixels that a surface covers, within a box of the canvas.

    `box` slices the canvas. `column`, `row` (h, w) float32 are the surface coordinates seen in
    every pixel; `mask` (h, w) float32 is 1 where the surface is seen.
    """

    box: tuple[slice, slice]
    column: np.ndarray
    row: np.ndarray
    mask: np.ndarray

    def look_up(self, grid: np.ndarray) -> np.ndarray:
        """Interpolate values (rows, columns, channels <= 4) of the surface's points per pixel."""
        grid = np.ascontiguousarray(grid, np.float32)
        return _sample(grid, self.column, self.row, cv2.BORDER_REPLICATE)

    def texture(self, tile: np.ndarray, across: float, down: float) -> np.ndarray:
        """Look up a repeating tile, `across` and `down` texels for every column and row."""
        column, row = self.column * np.float32(across), self.row * np.float32(down)
        return _sample(tile, column, row, cv2.BORDER_WRAP)

    def look_up_fine(self, values: np.ndarray, detail: int) -> np.ndarray:
        """Interpolate values of points that lie `detail` times as close as the surface's."""
        column, row = self.column * np.float32(detail), self.row * np.float32(detail)
        return _sample(values, column, row, cv2.BORDER_REPLICATE)


def _sample(values: np.ndarray, column: np.ndarray, row: np.ndarray, border: int) -> np.ndarray:
    return cv2.remap(values, column, row, cv2.INTER_LINEAR, borderMode=border)


class Camera(NamedTuple):
    """A weak perspective: `center` and `unit` in pixels, at `distance` units before the head."""

    center: tuple[float, float]
    unit: float
    distance: float = 7.5

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return pixel x, pixel y and depth of points (..., 3)."""
        near = self.unit * self.distance / (self.distance - points[..., 2])
        x = self.center[0] + near * points[..., 0]
        y = self.center[1] + near * points[..., 1]
        return np.stack([x, y, points[..., 2]], axis=-1)


class Canvas:
    """A square picture in linear light.

    Every pixel also has a depth, the `light` that falls there, which colours paint, and the share
    of the `key` light in it, which a shadow takes away.
    """

    def __init__(self, color: np.ndarray) -> None:
        """Start from a background (size, size, 3) float32 in linear light; it stays as it is."""
        self.color = color.copy()
        self.size = color.shape[0]
        self.depth = np.full(color.shape[:2], -1e3, np.float32)
        self.light = np.ones_like(color)
        self.key = np.zeros(color.shape[:2], np.float32)

    def merge(
        self,
        patch: Patch,
        color: np.ndarray,
        depth: np.ndarray,
        key: np.ndarray,
        alpha: np.ndarray | None = None,
        light: np.ndarray | None = None,
    ) -> None:
        """Lay a shaded surface over what is farther away; all arrays cover the patch's box."""
        box = patch.box
        behind = self.depth[box]
        alpha = patch.mask if alpha is None else patch.mask * alpha
        alpha = alpha * (depth > behind)
        self.color[box] += (color - self.color[box]) * alpha[..., None]
        solid = alpha > 0.5
        np.copyto(behind, depth, where=solid)
        np.copyto(self.key[box], key, where=solid)
        if light is not None:
            np.copyto(self.light[box], light, where=solid[..., None])

    def paint(
        self,
        outline: np.ndarray,
        color: np.ndarray,
        alpha: float = 1.0,
        blur: float = 0.0,
        clip: "Mask | None" = None,
        lit: float = 1.0,
        margin: float = 0.06,
    ) -> None:
        """Fill an outline (n, 3) of pixel x, pixel y and depth.

        Args:
            outline: closed polygon; what lies behind the picture by more than `margin` is hidden.
            color: (3,) linear light.
            alpha: opacity 0..1.
            blur: softness of the edge in pixels.
            clip: paint only inside this mask.
            lit: how much the light on the surface below colours the paint, 0..1.
            margin: depth in head units that the paint may lie below the surface.
        """
        mask = fill_mask(outline, self.size, blur)
        if mask is None:
            return
        if clip is not None:
            mask = mask.intersect(clip)
            if mask is None:
                return
        box = mask.box
        amount = mask.values * np.float32(alpha)
        plane = _plane(outline)
        y = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None]
        x = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None]
        over = (plane[0] * x + plane[1] * y + (plane[2] + margin)) - self.depth[box]
        amount = amount * np.clip(over * np.float32(25.0) + np.float32(0.5), 0, 1)
        shade = 1.0 + np.float32(lit) * (self.light[box] - 1.0)
        below = self.color[box]
        below += (color.astype(np.float32) * shade - below) * amount[..., None]

    def darken(
        self, outline: np.ndarray, factor: np.ndarray, blur: float, clip: "Mask | None" = None
    ):
        """Multiply the picture inside a soft outline (n, 3) by a colour factor (3,)."""
        mask = fill_mask(outline, self.size, blur)
        if mask is not None and clip is not None:
            mask = mask.intersect(clip)
        if mask is not None:
            self.color[mask.box] *= 1 + mask.values[..., None] * (factor.astype(np.float32) - 1)


class Mask(NamedTuple):
    """Coverage 0..1 (h, w) float32 inside a box of the canvas."""

    box: tuple[slice, slice]
    values: np.ndarray

    def intersect(self, other: "Mask") -> "Mask | None":
        """Return the product of two masks, or None where they do not meet."""
        starts = [max(a.start, b.start) for a, b in zip(self.box, other.box, strict=True)]
        stops = [min(a.stop, b.stop) for a, b in zip(self.box, other.box, strict=True)]
        if starts[0] >= stops[0] or starts[1] >= stops[1]:
            return None
        box = (slice(starts[0], stops[0]), slice(starts[1], stops[1]))
        return Mask(box, self._cut(box) * other._cut(box))

    def _cut(self, box: tuple[slice, slice]) -> np.ndarray:
        rows, columns = (
            slice(want.start - have.start, want.stop - have.start)
            for want, have in zip(box, self.box, strict=True)
        )
        return self.values[rows, columns]


def fill_mask(outline: np.ndarray, size: int, blur: float = 0.0) -> Mask | None:
    """Return the antialiased inside of an outline (n, 2 or more), or None outside the canvas."""
    pad = int(np.ceil(2.5 * blur)) + 2
    low = np.maximum(np.floor(outline[:, :2].min(axis=0)).astype(int) - pad, 0)
    high = np.minimum(np.ceil(outline[:, :2].max(axis=0)).astype(int) + pad + 1, size)
    if (high <= low).any():
        return None
    values = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    points = np.rint((outline[:, :2] - low) * SUBPIXEL).astype(np.int32)
    cv2.fillPoly(values, [points], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    mask = values.astype(np.float32) * np.float32(1 / 255)
    if blur > 0.3:
        mask = cv2.GaussianBlur(mask, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
    return Mask((slice(low[1], high[1]), slice(low[0], high[0])), mask)


def rasterize(points: np.ndarray, size: int, facing: int = 1) -> Patch | None:
    """Find which point of a surface is seen in every pixel.

    Args:
        points: (rows, columns, 3) pixel x, pixel y and depth (greater is nearer).
        size: side of the canvas in pixels.
        facing: 1 shows the outside of the surface, -1 the inside.

    Returns:
        Patch, or None where nothing is seen.
    """
    columns = points.shape[1]
    corners = np.stack(
        [points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]], axis=2
    ).reshape(-1, 4, 3)
    flat = corners[..., :2]
    diagonal_a, diagonal_b = flat[:, 2] - flat[:, 0], flat[:, 3] - flat[:, 1]
    area = diagonal_a[:, 0] * diagonal_b[:, 1] - diagonal_a[:, 1] * diagonal_b[:, 0]
    middle_x = 0.5 * (flat[:, 0, 0] + flat[:, 2, 0])
    middle_y = 0.5 * (flat[:, 0, 1] + flat[:, 2, 1])
    near = (abs(middle_x - size / 2) < 0.6 * size) & (abs(middle_y - size / 2) < 0.6 * size)
    seen = np.flatnonzero((area * facing > 1e-6) & near)
    if not len(seen):
        return None
    depth = corners[seen, 0, 2] + corners[seen, 2, 2]
    seen = seen[np.argsort(depth, kind="stable")]
    flat = flat[seen]
    edge = flat.reshape(-1, 2).T
    start = np.clip(np.floor(edge.min(axis=1)).astype(int) - 1, 0, size - 1)
    stop = np.clip(np.ceil(edge.max(axis=1)).astype(int) + 2, 1, size)
    flat = flat - start
    numbers = np.zeros((stop[1] - start[1], stop[0] - start[0]), np.uint16)
    fixed = np.rint(flat * SUBPIXEL).astype(np.int32)
    for number, quad in enumerate(fixed, 1):
        cv2.fillConvexPoly(numbers, quad, number, cv2.LINE_8, SUBPIXEL_BITS)
    # Where a surface folds, as beside the nose, single pixels may belong to no quad.
    closed = cv2.morphologyEx(numbers, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    np.copyto(numbers, closed, where=numbers == 0)
    box = (slice(start[1], stop[1]), slice(start[0], stop[0]))
    return _interpolate(numbers, flat, seen, columns - 1, box)


def _interpolate(
    numbers: np.ndarray, flat: np.ndarray, seen: np.ndarray, cells: int, box: tuple[slice, slice]
) -> Patch:
    """Turn quad numbers per pixel into continuous surface coordinates, inverting each quad."""
    pixels = np.flatnonzero(numbers)
    quad = numbers.reshape(-1)[pixels].astype(np.intp) - 1
    y = pixels // numbers.shape[1]
    x = (pixels - y * numbers.shape[1]).astype(np.float32)
    y = y.astype(np.float32)
    flat = flat.astype(np.float32)
    origin, right, down = flat[:, 0], flat[:, 1] - flat[:, 0], flat[:, 3] - flat[:, 0]
    twist = flat[:, 2] - flat[:, 1] - down
    area = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]
    area = np.where(np.abs(area) < 1e-3, np.float32(1e-3), area)
    row, column = np.divmod(seen, cells)
    table = np.stack([*origin.T, *right.T, *down.T, *twist.T, 1 / area, column, row])
    values = np.take(table.astype(np.float32), quad, axis=1)
    ox, oy, rx, ry, dx, dy, tx, ty, scale, column, row = values
    px, py = x - ox, y - oy
    a, b = (px * dy - py * dx) * scale, (rx * py - ry * px) * scale
    bend = a.clip(0, 1) * b.clip(0, 1)
    px, py = px - bend * tx, py - bend * ty
    a, b = (px * dy - py * dx) * scale, (rx * py - ry * px) * scale
    maps = np.zeros((3, numbers.size), np.float32)
    maps[0, pixels] = column + a.clip(0, 1)
    maps[1, pixels] = row + b.clip(0, 1)
    maps[2, pixels] = 1.0
    return Patch(box, *maps.reshape(3, *numbers.shape))


def _plane(outline: np.ndarray) -> np.ndarray:
    """Fit depth = a x + b y + c to an outline (n, 3)."""
    center = outline.mean(axis=0)
    x, y, z = (outline - center).T
    xx, xy, yy = x @ x + 0.5, x @ y, y @ y + 0.5
    scale = 1 / (xx * yy - xy * xy)
    a, b = (yy * (x @ z) - xy * (y @ z)) * scale, (xx * (y @ z) - xy * (x @ z)) * scale
    return np.array([a, b, center[2] - a * center[0] - b * center[1]], np.float32)
