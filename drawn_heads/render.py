"""Render one frame of a drawn talking head, with the landmarks of what was drawn."""

import cv2
import numpy as np

from drawn_heads.backgrounds import background
from drawn_heads.drawing.canvas import Canvas, rasterize
from drawn_heads.drawing.develop import develop
from drawn_heads.drawing.shadows import cast_shadows
from drawn_heads.drawing.view import View, view_of
from drawn_heads.motion import Pose
from drawn_heads.parts.bare_head import draw_head
from drawn_heads.parts.beards import draw_full_beard
from drawn_heads.parts.body import draw_body
from drawn_heads.parts.curves import Features, build_features, landmarks_of
from drawn_heads.parts.ears import draw_ear
from drawn_heads.parts.features import paint_face
from drawn_heads.parts.glasses import paint_glasses
from drawn_heads.parts.hair import LONG_STYLES, build_hair
from drawn_heads.parts.hair_drawing import draw_hair, draw_inner_hair, shade_below_hair
from drawn_heads.parts.hats import CLOTHS, build_hat, draw_hat
from drawn_heads.parts.head import Head, build_head
from drawn_heads.people import Person
from drawn_heads.scenes import Scene

SUPERSAMPLING = 2


def render(
    person: Person, scene: Scene, pose: Pose, size: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one frame.

    Args:
        person: who is drawn.
        scene: clothes, background, light and camera.
        pose: head pose and expression.
        size: side of the frame in pixels, at least 16.

    Returns:
        frame: (size, size, 3) uint8 RGB.
        landmarks: (68, 2) float32 (x, y) in pixels of the frame, pixel centres at integers; they
            are the projected points from which the features were drawn, hidden ones included.

    Raises:
        ValueError: `size` is below 16.
    """
    if size < 16:
        raise ValueError(f"size must be at least 16, got {size}")
    side = size * SUPERSAMPLING
    view = view_of(pose, side)
    head = build_head(person, pose)
    features = build_features(person, pose, head)
    canvas = Canvas(background(scene, side))
    _draw(canvas, view, person, scene, pose, head, features)
    picture = cv2.resize(canvas.color, (size, size), interpolation=cv2.INTER_AREA)
    landmarks = (view.project(landmarks_of(features))[:, :2] + 0.5) / SUPERSAMPLING - 0.5
    return develop(picture, scene.film), landmarks.astype(np.float32)


def _draw(
    canvas: Canvas,
    view: View,
    person: Person,
    scene: Scene,
    pose: Pose,
    head: Head,
    features: Features,
) -> None:
    """Draw what stands before the background, one thing after the other."""
    hair = build_hair(person)
    if hair is not None:
        hair_points = view.hang(hair.surface, hair.follow)
        draw_inner_hair(canvas, view, person, hair, hair_points, pose.yaw)
    draw_body(canvas, view, person, scene)
    draw_head(canvas, view, person, scene, pose, head)
    draw_full_beard(canvas, view, person, scene, head)
    if hair is not None:
        hair_patch = rasterize(view.camera.project(hair_points), canvas.size)
        shade_below_hair(canvas, view.camera.unit, hair, hair_points, hair_patch)
    curves = _projected(features, view)
    paint_face(canvas, person, pose, curves, view.camera.unit, scene.light.direction)
    covered = person.hat in CLOTHS or person.hair_style in LONG_STYLES
    for side in () if covered else (-1, 1):
        draw_ear(canvas, view, person, scene, side)
    if hair is not None:
        draw_hair(canvas, view, person, scene, hair, hair_points, hair_patch)
    draw_hat(canvas, view, person, scene, build_hat(person))
    cast_shadows(canvas, view.camera.unit, scene.light.direction, scene.light.hardness)
    paint_glasses(canvas, view, person, scene)


def _projected(features: Features, view: View) -> Features:
    def place(curve: "np.ndarray | tuple") -> "np.ndarray | tuple":
        if isinstance(curve, tuple):
            return tuple(place(part) for part in curve)
        return view.project(curve)

    return Features(*(place(curve) for curve in features))
