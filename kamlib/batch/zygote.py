"""The process that kernels are forked from: it imports, then waits for requests on a socket. Started by `warm`.

A fork copies only the thread that calls it, so the libraries must not have started any: OpenBLAS and pyarrow's allocator
are told not to, duckdb is imported after the fork, and the threads are counted.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import signal
import socket
import sys
from types import ModuleType

KERNEL = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "IPython.core.completer", "debugpy")
STARTS_THREADS = ("duckdb",)
USUAL = "KeyboardInterrupt caught in kernel"
"""What a kernel complains of in every run: an interrupt ends it."""


def main(descriptor: str, *modules: str) -> None:
    """Serve on the inherited socket until its other end closes; in each fork, become a kernel instead."""
    control = socket.socket(fileno=int(descriptor))
    preload(modules)
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        sys.exit(f"warm kernels: {threads} threads run after the imports, so forking is not safe")
    gc.collect()
    gc.freeze()  # so that collections in the kernels do not copy these pages
    request = serve(control)
    control.close()
    if request:
        become_kernel(request)


def preload(modules: tuple[str, ...]) -> None:
    """Import what kernels will need; what does not import is left to the notebook to complain about."""
    sys.modules.update({name: ModuleType(name) for name in STARTS_THREADS})  # stand-ins, filled by `complete`
    for module in (*KERNEL, *modules):
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            continue
        except Exception as error:
            print(f"warm kernels: {module} not preloaded ({type(error).__name__}: {error})", file=sys.stderr)


def complete() -> None:
    """Import what could not be imported before the fork, for the modules that hold its stand-in too."""
    for name in STARTS_THREADS:
        stand_in = sys.modules.pop(name)
        vars(stand_in).update(vars(importlib.import_module(name)))


def serve(control: socket.socket) -> dict | None:
    """Answer each request with the process id of a fork and a descriptor to watch it by.

    Returns the request in the fork, and None in this process when the other end is gone. Then this process ends, and
    its kernels end themselves, because ipykernel watches for that.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps; nobody here waits
    control.send(b"ready")
    while True:
        message, descriptors, *_ = socket.recv_fds(control, 1 << 20, 1)
        if not message:
            return None
        (log,) = descriptors
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return {**json.loads(message), "log": log}
        os.close(log)
        watch = os.pidfd_open(child)
        socket.send_fds(control, [str(child).encode()], [watch])
        os.close(watch)


def become_kernel(request: dict) -> None:
    """Run an IPython kernel here, with the environment, folder and arguments of the request."""
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    for standard in (1, 2):
        os.dup2(request["log"], standard)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(None)  # else all forks would draw the same numbers
    complete()
    logging.getLogger(IPKernelApp.__name__).addFilter(lambda record: not record.getMessage().startswith(USUAL))
    sys.argv = ["ipykernel_launcher", *request["argv"]]
    IPKernelApp.launch_instance(argv=[*request["argv"], f"--IPKernelApp.parent_handle={os.getppid()}"])


if __name__ == "__main__":
    main(*sys.argv[1:])
