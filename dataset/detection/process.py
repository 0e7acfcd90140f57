"""A process for each GPU that owns a detector's networks; others send it their frames.

While it computes, frames of many videos wait for it, which it then takes at once.
"""

import contextlib
import functools
import itertools
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized

import cv2
import numpy as np

from dataset.detection.detector import Frames, LandmarkDetector, Near, Places, detect_small
from dataset.detection.kinds import create_detector
from system.processes import interrupts_held

MOST_FRAMES = 64  # taken at once, unless a single client sends more

FACE_ALIGNMENT = functools.partial(create_detector, "face-alignment")  # still takes the device

Request = tuple[Frames, Places, Near]


class DetectorFailure(RuntimeError):  # noqa: N818 - no fault of a video, as the errors are
    """A detector's process cannot go on."""


class RemoteDetector:
    """The detector of another process; a `LandmarkDetector`.

    Its errors are `DetectorFailure`: the process has ended, or its detector fails.
    """

    name = "face-alignment"

    def __init__(self, connection: Connection, device: str):
        self._connection, self._device = connection, device

    def detect(self, frames: Frames, places: Places, near: Near) -> np.ndarray:
        """See `LandmarkDetector`."""
        return detect_small(self._ask, frames, places, near)

    def _ask(self, frames: Frames, places: Places, near: Near) -> np.ndarray:
        try:
            self._connection.send((frames, places, near))
            answer = self._connection.recv()
        except (EOFError, OSError):
            raise _ended(self._device) from None
        if isinstance(answer, str):
            raise DetectorFailure(f"the detector on {self._device} fails: {answer}")
        return answer


class DetectorClients:
    """Hands out the detectors; may be sent to a process at its start, each calls it once."""

    def __init__(self, ends: Sequence[tuple[Connection, str]], taken: Synchronized):
        self._ends, self._taken = ends, taken

    def __call__(self) -> RemoteDetector:
        with self._taken.get_lock():
            number = self._taken.value
            self._taken.value += 1
        if number >= len(self._ends):
            raise DetectorFailure(f"all {len(self._ends)} detectors are taken")
        return RemoteDetector(*self._ends[number])


@contextlib.contextmanager
def detector_processes(
    devices: Sequence[str],
    clients: int,
    make_detector: Callable[[str], LandmarkDetector] = FACE_ALIGNMENT,
) -> Iterator[DetectorClients]:
    """Run a detector's process on each device, until the context ends or this process does.

    Args:
        devices: cpu, cuda or cuda:N; clients are spread over them.
        clients: how many detectors are handed out at most.
        make_detector: called in each process with its device; importable by name.

    Raises:
        ValueError: a detector does not start; the message says what to do.
        DetectorFailure: a process has ended at its start.
    """
    devices = devices[:clients]
    context = multiprocessing.get_context("spawn")  # threads and GPUs do not survive a fork
    with contextlib.ExitStack() as stack:
        pairs = [_pipe(stack, context) for _ in range(clients)]
        starts = []
        for number, device in enumerate(devices):
            ready, tell = _pipe(stack, context)
            ends = [end for _, end in pairs[number :: len(devices)]]
            process = context.Process(
                target=_serve, args=(device, ends, tell, make_detector), daemon=True
            )
            with interrupts_held():
                process.start()
            stack.callback(_end, process)
            for end in (tell, *ends):  # the process alone has them: its end is then seen
                end.close()
            starts.append((ready, device))
        for ready, device in starts:
            _await_start(ready, device)
        ends = [(end, device) for (end, _), device in zip(pairs, itertools.cycle(devices))]
        yield DetectorClients(ends, context.Value("i", 0))


def _pipe(
    stack: contextlib.ExitStack, context: multiprocessing.context.SpawnContext
) -> tuple[Connection, Connection]:
    pair = context.Pipe()
    for end in pair:
        stack.callback(end.close)
    return pair


def _await_start(ready: Connection, device: str) -> None:
    try:
        refusal = ready.recv()
    except EOFError:
        raise _ended(device) from None
    if refusal:
        raise ValueError(refusal)


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join()
    process.close()


def _ended(device: str) -> DetectorFailure:
    return DetectorFailure(
        f"the detector's process on {device} has ended (killed, or out of memory?)"
    )


def _serve(
    device: str,
    connections: list[Connection],
    ready: Connection,
    make_detector: Callable[[str], LandmarkDetector],
) -> None:
    """Answer the requests of clients, until the process that has started this one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back
    cv2.setNumThreads(1)
    try:
        detector = make_detector(device)
    except ValueError as error:
        ready.send(str(error))
        return
    ready.send(None)
    parent = multiprocessing.parent_process().sentinel
    while parent not in (able := wait([parent, *connections])):
        requests = _receive(connections, able)
        if requests:
            _answer(detector, requests)


def _receive(connections: list[Connection], able: Sequence) -> dict[Connection, Request]:
    """Take requests that wait. Who is served goes to the end of `connections`, in place."""
    requests: dict[Connection, Request] = {}
    frames = 0
    for connection in [connection for connection in connections if connection in able]:
        if frames >= MOST_FRAMES:
            break
        connections.remove(connection)
        with contextlib.suppress(EOFError, OSError):  # a client that has gone
            requests[connection] = connection.recv()
            frames += len(requests[connection][0])
            connections.append(connection)
    return requests


def _answer(detector: LandmarkDetector, requests: dict[Connection, Request]) -> None:
    """Detect in all frames at once; a client is sent its landmarks, or a message."""
    parts = zip(*requests.values(), strict=True)
    frames, places, near = (list(itertools.chain.from_iterable(part)) for part in parts)
    counts = [len(request[0]) for request in requests.values()]
    try:
        landmarks = detector.detect(frames, places, near)
    except Exception as error:  # noqa: BLE001 - whatever it is, the clients are to hear of it
        reason = str(error).split("\n")[0][:200]
        answers = [f"{type(error).__name__}: {reason}"] * len(requests)
    else:
        answers = np.split(landmarks, np.cumsum(counts)[:-1])
    for connection, answer in zip(requests, answers, strict=True):
        with contextlib.suppress(OSError):  # a client that has gone
            connection.send(answer)
