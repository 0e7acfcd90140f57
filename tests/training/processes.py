"""Call a function in two processes that learn together, as torchrun does, but with one start.

python -m tests.training.processes MODULE FUNCTION ARGUMENTS...
"""

import importlib
import os
import socket
import sys

import cli

COUNT = 2


def main() -> None:
    _, module, function, *arguments = sys.argv
    called = getattr(importlib.import_module(module), function)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {"WORLD_SIZE": str(COUNT), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    children = []
    for number in range(COUNT):
        child = os.fork()
        if child == 0:
            os.environ |= {"RANK": str(number), "LOCAL_RANK": str(number)}
            sys.argv = [f"{module}.py", *arguments]
            cli.run(called)
            sys.exit()
        children.append(child)
    print("processes", *children, flush=True)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print("ended", *ends, flush=True)


if __name__ == "__main__":
    main()
