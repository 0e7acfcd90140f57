"""Who is on the page: every visitor gets a desk, and it is cleared when they leave."""

import secrets
import threading
from pathlib import Path

import gradio as gr
from starlette.websockets import WebSocket

from inference.camera import Camera
from page.desk import Computing, Desk, Limits
from page.live import follow, tell


class Reception:
    """Gives each visitor, which is an open tab of a browser, a desk.

    Args:
        folder: for what lies on the desks.
        computing: how all of them compute.
        limits: what each may ask for.
    """

    def __init__(self, folder: Path, computing: Computing, limits: Limits):
        self._folder, self._computing, self._limits = folder, computing, limits
        self._desks: dict[str, Desk] = {}
        self._lock = threading.Lock()
        self._filming = threading.Lock()  # one camera at a time

    def desk(self, request: gr.Request) -> Desk:
        """Return the visitor's desk."""
        with self._lock:
            if request.session_hash not in self._desks:
                desk = Desk(self._folder, self._computing, self._limits)
                self._desks[request.session_hash] = desk
            return self._desks[request.session_hash]

    async def live(self, socket: WebSocket) -> None:
        """Let a visitor's head follow the camera of the visitor's browser."""
        asked = socket.query_params
        token = asked.get("token", "")
        desk = next((d for d in self._all() if secrets.compare_digest(d.token, token)), None)
        if desk is None:
            await socket.close()
            return
        await socket.accept()
        if not self._filming.acquire(blocking=False):
            await tell(socket, "somebody else is live at the moment: try again in a while")
            return
        camera = Camera("the camera")
        try:
            smooth = float(asked.get("smooth", 0))
            animation = desk.follow(camera, asked.get("motion", ""), smooth)
            await follow(socket, camera, animation)
        except ValueError as error:
            await tell(socket, str(error))
        finally:
            self._filming.release()

    def leave(self, request: gr.Request) -> None:
        """Clear the desk of a visitor who has left."""
        with self._lock:
            desk = self._desks.pop(request.session_hash, None)
        if desk is not None:
            desk.clear()

    def close(self) -> None:
        """Clear all desks."""
        for desk in self._all():
            desk.clear()

    def _all(self) -> list[Desk]:
        with self._lock:
            return list(self._desks.values())
