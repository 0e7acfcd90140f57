"""Read pickles of dicts, lists, tuples, strings, bytes, numbers and NumPy arrays; nothing else.

A pickle is a program. This one may call two things, and both are stand-ins of ours: one notes down
an array, the other its dtype. No class and no function of any library is looked up.
"""

import io
import math
import pickle
import pickletools

import numpy as np

DTYPES = {"f4", "f8", "i4", "i8", "u1"}
ALLOWED = {
    "PROTO", "FRAME", "MEMOIZE", "BINGET", "LONG_BINGET", "MARK", "STOP", "NONE", "NEWTRUE",
    "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "SHORT_BINUNICODE",
    "BINUNICODE", "SHORT_BINBYTES", "BINBYTES", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_TUPLE",
    "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "SETITEM", "SETITEMS", "STACK_GLOBAL",
    "REDUCE", "BUILD",
}  # fmt: skip
# Only these may be used twice. Containers within themselves could take forever to hash or walk.
SHAREABLE = {
    "SHORT_BINUNICODE", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES", "STACK_GLOBAL", "REDUCE",
}  # fmt: skip


class UnsafePickleError(ValueError):
    """The bytes are not a pickle of plain values."""


def load_plain(data: bytes) -> object:
    """Unpickle plain values.

    Raises:
        UnsafePickleError: the bytes are damaged, or ask for anything but plain values.
    """
    _check_program(data)
    try:
        return _plain(_Unpickler(io.BytesIO(data)).load())
    except UnsafePickleError:
        raise
    # What C code raises on nonsense: all of it means the same here.
    except (
        pickle.UnpicklingError, ValueError, TypeError, AttributeError, IndexError, KeyError,
        EOFError, MemoryError, OverflowError, RecursionError,
    ) as error:  # fmt: skip
        raise UnsafePickleError(f"damaged ({type(error).__name__})") from None


def _check_program(data: bytes) -> None:
    """Read the opcodes without running them."""
    kept, previous, end = [], "", -1
    try:
        for opcode, argument, position in pickletools.genops(data):
            name, end = opcode.name, position
            if name not in ALLOWED:
                raise UnsafePickleError(f"a pickle with {name}, which plain values do not need")
            if name == "MEMOIZE":
                kept.append(previous)
            elif name in ("BINGET", "LONG_BINGET") and kept[argument] not in SHAREABLE:
                raise UnsafePickleError("a pickle that uses a container twice")
            previous = name
    except UnsafePickleError:
        raise
    except (ValueError, IndexError, OverflowError, MemoryError):
        raise UnsafePickleError("not a pickle, or cut short") from None
    if end != len(data) - 1:
        raise UnsafePickleError("bytes after its end")


class _Dtype:
    """Stands in for numpy.dtype."""

    __slots__ = ("name", "order")

    def __init__(self, name: str):
        self.name, self.order = name, "|"

    def __setstate__(self, state: tuple) -> None:
        self.order = state[1]


class _Array:
    """Stands in for numpy.ndarray until its bytes have been checked."""

    __slots__ = ("state",)

    def __init__(self):
        self.state = None

    def __setstate__(self, state: tuple) -> None:
        self.state = state

    def build(self) -> np.ndarray:
        _, shape, dtype, fortran, raw = self.state
        if not (isinstance(dtype, _Dtype) and dtype.name in DTYPES and dtype.order in "<>|"):
            raise UnsafePickleError("an array of something else than numbers")
        kind = np.dtype(dtype.name).newbyteorder(dtype.order)
        if not (isinstance(raw, bytes) and all(isinstance(n, int) and n >= 0 for n in shape)):
            raise UnsafePickleError("an array without plain bytes and shape")
        if math.prod(shape) * kind.itemsize != len(raw):
            raise UnsafePickleError(f"an array of shape {shape} with {len(raw)} bytes")
        array = np.frombuffer(raw, kind).reshape(shape, order="F" if fortran else "C")
        return array.astype(kind.newbyteorder("="))


class _NewArray:
    """Stands in for NumPy's function that makes an empty array to be filled."""

    __slots__ = ()

    def __call__(self, *_: object) -> _Array:
        return _Array()


class _NewDtype:
    """Stands in for numpy.dtype as a function."""

    __slots__ = ()

    def __call__(self, name: str, *_: object) -> _Dtype:
        return _Dtype(name)


class _Nothing:
    """Stands in for numpy.ndarray, which is only ever an argument."""

    __slots__ = ()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        """Return a stand-in for the three names that a pickled array mentions."""
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _NewArray()
        if module == "numpy" and name == "dtype":
            return _NewDtype()
        if module == "numpy" and name == "ndarray":
            return _Nothing()
        raise UnsafePickleError(f"it asks for {module}.{name}"[:200])


def _plain(value: object) -> object:
    """Replace the stand-ins by arrays, and refuse those that are anywhere else."""
    if isinstance(value, _Array):
        return value.build()
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise UnsafePickleError("a dict with keys that are not strings")
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(entry) for entry in value)
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise UnsafePickleError("it holds something that is not a plain value")
