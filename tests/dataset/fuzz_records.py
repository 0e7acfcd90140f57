"""Read thousands of damaged records in this process, and exit with 3 if any of them runs anything.

    python -m tests.dataset.fuzz_records MUTATIONS SEED FOLDER [careless]

Prints how many were refused and how many are sound records still. "careless" reads them with
Python's own unpickler, to see that the watch is awake.
"""

import codecs
import os
import pickle
import pickletools
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dataset.store import Record, StoreError, read_record, write_record
from tests.dataset.test_store import HOSTILE, make

# Whatever a pickle's program could do to the world goes through one of these events.
FORBIDDEN = ("os.", "subprocess.", "exec", "compile", "import", "socket.", "ctypes.", "shutil.")
OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
CALLS = [b"cos\nsystem\n", b"\x8c\x02os\x8c\x06system\x93", b"\x8c\x04true\x85R", b"(S'x'\ntR"]
PROGRAM = 300  # bytes at either end that are mostly opcodes; between them lie the pictures


def read_carelessly(path: Path) -> Record:
    try:
        return Record(**pickle.loads(path.read_bytes()))
    except Exception:  # noqa: BLE001 - it may raise anything
        raise StoreError("damaged") from None


def main(mutations: int, seed: int, folder: Path, read: Callable[[Path], Record]) -> None:
    path = folder / "record.pkl"
    write_record(path, make(frames=2))
    good, rng = path.read_bytes(), random.Random(seed)
    read_record(path)
    codecs.lookup("raw_unicode_escape")  # imported late by the module that reads opcodes
    outcomes, watching = Counter(), False

    def watch(event: str, arguments: tuple) -> None:
        if watching and event.startswith(FORBIDDEN):
            os.write(2, f"{event} {arguments!r:.200}\n".encode())
            os._exit(3)

    sys.addaudithook(watch)
    for _ in range(mutations):
        path.write_bytes(mutate(good, rng))
        watching = True
        try:
            record = read(path)
        except StoreError:
            outcomes["refused"] += 1
        else:
            assert record.landmarks.shape == (len(record.frames), 68, 2)
            assert record.landmarks.dtype == np.float32
            outcomes["sound"] += 1
        finally:
            watching = False
    print(outcomes["refused"], outcomes["sound"])


def mutate(good: bytes, rng: random.Random) -> bytes:
    """Damage a pickle in one to three places."""
    bad = bytearray(good)
    for _ in range(rng.randint(1, 3)):
        rng.choice((change, insert, remove, cut, repeat, implant, flip))(bad, rng)
    return bytes(bad)


def place(bad: bytearray, rng: random.Random) -> int:
    start = rng.choice((0, max(len(bad) - PROGRAM, 0)))
    return min(start + rng.randrange(PROGRAM), max(len(bad) - 1, 0))


def change(bad: bytearray, rng: random.Random) -> None:
    at = place(bad, rng)
    bad[at : at + 1] = rng.choice(OPCODES) if rng.random() < 0.5 else bytes([rng.randrange(256)])


def insert(bad: bytearray, rng: random.Random) -> None:
    at = place(bad, rng)
    bad[at:at] = rng.choice(OPCODES) + rng.randbytes(rng.randrange(5))


def remove(bad: bytearray, rng: random.Random) -> None:
    at = place(bad, rng)
    del bad[at : at + rng.randint(1, 40)]


def cut(bad: bytearray, rng: random.Random) -> None:
    del bad[rng.randrange(len(bad) + 1) :]


def repeat(bad: bytearray, rng: random.Random) -> None:
    at, source = place(bad, rng), place(bad, rng)
    bad[at:at] = bad[source : source + rng.randint(1, 200)]


def implant(bad: bytearray, rng: random.Random) -> None:
    """Put a call, or a part of a pickle made to harm, in the middle."""
    at = place(bad, rng)
    bad[at:at] = rng.choice(CALLS + [hostile[2:-1][:200] for hostile in HOSTILE.values()])


def flip(bad: bytearray, rng: random.Random) -> None:
    if bad:
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)


if __name__ == "__main__":
    reader = read_carelessly if "careless" in sys.argv else read_record
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), reader)
