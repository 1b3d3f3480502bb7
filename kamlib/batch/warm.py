"""Kernels that start warm: the libraries are imported once, by a process of which every kernel is a fork.

    with warm.kernels(["kamlib.finance"]):
        papermill.execute_notebook(...)

It is an ordinary Jupyter kernel provisioner, registered in pyproject.toml under the name `kam-warm`. Where forking is
not possible (not Linux, a library that started threads, another interpreter) kernels start in the ordinary way.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

log = logging.getLogger(__name__)
START_SECONDS = 60
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # the notebooks share the cores; and sums come out the same on every machine
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
ONLY_ZYGOTE = {
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's allocator would start a thread
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
SECRETS = ("KAM_SHARE_KEY", "KAM_OFFICE_PASSWORD")
_zygote: Zygote | None = None


@contextmanager
def kernels(modules: Sequence[str]) -> Iterator[None]:
    """Let every kernel that this process starts meanwhile be a fork of one that has imported `modules`."""
    global _zygote
    factory = KernelProvisionerFactory.instance()
    usual = factory.default_provisioner_name
    if not possible():
        yield
        return
    before, _zygote = _zygote, Zygote(modules)
    factory.default_provisioner_name = "kam-warm"
    try:
        yield
    finally:
        factory.default_provisioner_name = usual
        _zygote.close()
        _zygote = before


def inherited() -> dict[str, str]:
    """Return the environment that kernels inherit: without keys and passwords, which a notebook could show."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def possible() -> bool:
    """Return whether this system has what forking kernels takes."""
    return sys.platform.startswith("linux") and hasattr(os, "pidfd_open")


class Zygote:
    """The process to fork from. It imports while the caller does other things; the first fork waits for it."""

    def __init__(self, modules: Sequence[str]) -> None:
        self.lock = threading.Lock()
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(START_SECONDS)
        command = [sys.executable, "-m", "kamlib.batch.zygote", str(theirs.fileno()), *modules]
        environment = {**inherited(), **ENVIRONMENT, **ONLY_ZYGOTE}
        self.process = subprocess.Popen(
            command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=self.errors,
            stderr=self.errors, start_new_session=True,
        )  # fmt: skip
        theirs.close()
        self.ready = self.broken = False

    def fork(self, argv: list[str], env: dict[str, str], cwd: str, output: int) -> Fork | None:
        """Return a kernel process, or None when there is none to be had this way; the log says why."""
        with self.lock:
            if self.broken:
                return None
            try:
                if not self.ready:
                    self._wait()
                request = json.dumps({"argv": argv, "env": env, "cwd": cwd}).encode()
                socket.send_fds(self.control, [request], [output])
                reply, descriptors, *_ = socket.recv_fds(self.control, 64, 1)
                return Fork(int(reply), *descriptors)
            except (OSError, ValueError, TypeError) as error:
                self.broken = True
                log.warning("kernels start cold: %s", error)
                return None

    def _wait(self) -> None:
        """Wait for the imports to be done; what they complained of goes to the log."""
        self.ready = self.control.recv(16) == b"ready"
        self.errors.seek(0)
        for line in self.errors.read().decode(errors="replace").splitlines():
            log.warning("%s", line)
        if not self.ready:
            raise ConnectionError("there is no process to fork from")

    def close(self) -> None:
        """End the process; its kernels follow it."""
        self.control.close()
        self.process.terminate()
        self.process.wait()
        self.errors.close()


class Fork:
    """A kernel process as jupyter_client wants to see it: the part of `subprocess.Popen` that it uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid, self.descriptor, self.returncode = pid, descriptor, None

    def poll(self, seconds: float | None = 0) -> int | None:
        """Return None while it runs, else 0: a process that is not a child does not tell its exit code."""
        if self.returncode is None and select.select([self.descriptor], [], [], seconds)[0]:
            os.close(self.descriptor)
            self.returncode = 0
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        return self.poll(timeout)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self.descriptor, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class WarmProvisioner(LocalProvisioner):
    """Launches kernels by forking while `kernels` is in force, else as jupyter_client does."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        fork = None
        if _zygote and cmd[0] == sys.executable and cmd[1:3] == ["-m", "ipykernel_launcher"]:
            output = kwargs.get("stdout") or sys.stderr
            fork = _zygote.fork(cmd[3:], dict(kwargs["env"]), str(kwargs.get("cwd") or os.getcwd()), output.fileno())
        if fork is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self.pid, self.pgid = fork, fork.pid, fork.pid
        return self.connection_info
