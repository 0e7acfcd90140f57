"""Draw a bare head: skin under light."""

import numpy as np

from drawn_heads.drawing.canvas import Canvas, rasterize
from drawn_heads.drawing.light import shade, shine
from drawn_heads.drawing.surfaces import normals_of
from drawn_heads.drawing.view import View
from drawn_heads.motion import Pose
from drawn_heads.parts.head import Head
from drawn_heads.parts.skin import DETAIL, crease_map, skin_map
from drawn_heads.people import Person
from drawn_heads.scenes import Scene


def draw_head(
    canvas: Canvas, view: View, person: Person, scene: Scene, pose: Pose, head: Head
) -> None:
    """Draw a head without hair, ears, eyes and mouth."""
    surface = view.turned(head.surface)
    patch = rasterize(view.camera.project(surface), canvas.size)
    if patch is None:
        return
    normal = normals_of(surface)
    lit = shade(normal, scene.light, (0.55, 0.42, 0.36))
    gleam = 0.085 * shine(normal, scene.light, 14) + 0.075 * shine(normal, scene.light, 45)
    first = patch.look_up(np.concatenate([lit.diffuse, lit.key], axis=-1))
    rim = lit.rim.mean(axis=-1)
    second = patch.look_up(np.stack([rim, gleam, surface[..., 2]], axis=-1))
    skin = patch.look_up_fine(skin_map(person), DETAIL)
    light, key = first[..., :3], first[..., 3]
    color = skin[..., :3] * light
    smile, brows = max(pose.smile, 0.0), max(pose.brows, 0.0)
    if smile + brows > 0.05:
        creases = patch.look_up_fine(crease_map(person), DETAIL)
        color *= (1 + np.float32(smile) * creases[..., 0] + np.float32(brows) * creases[..., 1])[
            ..., None
        ]
    glow = np.array(scene.light.rim, np.float32) / max(np.mean(scene.light.rim), 1e-6)
    color += (second[..., 0, None] * glow) * (0.35 + 0.65 * skin[..., :3])
    color += (second[..., 1] * skin[..., 3])[..., None] * np.array(scene.light.key, np.float32)
    canvas.merge(patch, color, second[..., 2], key, light=light)
