"""A head that follows the camera of a browser, over a web socket.

The browser sends JPEGs, each after a number of eight bytes; the answers are the head's JPEGs after
the number of the frame that they show, or a line of words. Nothing is written to the disk, and
nothing queues: the newest frame is the one that is drawn.
"""

import time

import anyio
import anyio.to_thread
import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from dataset.images import encode_jpeg
from dataset.photos import decode_photo
from inference.camera import Camera
from talking_head.animation import Animation, Moment

NUMBER = 8  # bytes
LARGEST = 1_000_000  # bytes of one frame
QUALITY = 90  # of the JPEGs, of 100
FACELESS = "no face yet: look into the camera"


async def follow(socket: WebSocket, camera: Camera, animation: Animation) -> None:
    """Draw what the camera sees until either side has enough.

    Args:
        socket: accepted.
        camera: is given the browser's frames.
        animation: of a head that this camera drives.
    """
    numbers: dict[float, bytes] = {}  # by the time at which their frame came
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_take, socket, camera, numbers)
            await _draw(socket, animation, numbers)
            tasks.cancel_scope.cancel()
    finally:
        camera.close()


async def _take(socket: WebSocket, camera: Camera, numbers: dict[float, bytes]) -> None:
    """Hand the browser's frames to the camera; those that are no pictures are passed over."""
    try:
        while True:
            message = await socket.receive_bytes()
            try:
                frame = await anyio.to_thread.run_sync(_decoded, message)
            except ValueError:
                continue
            taken = time.monotonic()
            numbers[taken] = message[:NUMBER]
            camera.take(frame, taken)
    except WebSocketDisconnect:
        camera.end()


async def _draw(socket: WebSocket, animation: Animation, numbers: dict[float, bytes]) -> None:
    """Send the head's pictures, until the camera ends or the browser has gone."""
    moments = animation.moments()
    try:
        while moment := await anyio.to_thread.run_sync(next, moments, None):
            answer = await anyio.to_thread.run_sync(_encoded, moment)
            number = numbers[moment.driver.taken]
            for taken in [taken for taken in numbers if taken <= moment.driver.taken]:
                del numbers[taken]
            if not await tell(socket, number + answer):
                return
    except ValueError as error:  # no frames have come
        await tell(socket, str(error))
    finally:
        moments.close()


async def tell(socket: WebSocket, answer: bytes | str) -> bool:
    """Send something; return whether the browser was still there."""
    try:
        await (socket.send_text if isinstance(answer, str) else socket.send_bytes)(answer)
    except (WebSocketDisconnect, RuntimeError):  # it has just gone, or was sent away
        return False
    return True


def _decoded(message: bytes) -> np.ndarray:
    if len(message) > LARGEST:
        raise ValueError(f"a frame has at most {LARGEST} bytes, got {len(message)}")
    return decode_photo(message[NUMBER:], "the camera's frame")


def _encoded(moment: Moment) -> bytes:
    return encode_jpeg(moment.frame, QUALITY)
