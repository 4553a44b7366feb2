"""One server a data folder: who holds it, and children that end with their parent."""

import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kaquan.runtime import KaquanError, Unavailable

_PARENT_VARIABLE = "KAQUAN_SERVER_PID"
_POLL_S = 0.2
_PORT_PATIENCE_S = 5.0


class FolderHeld(KaquanError):
    """Another server runs on this data folder."""

    key = "data_folder_held"


class Holder(msgspec.Struct):
    """Who holds a data folder."""

    pid: int
    address: str


@contextmanager
def held_folder(data_dir: Path, address: str) -> Generator[None]:
    """Hold the data folder while the block lasts. Raises FolderHeld saying who has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "server.lock").open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            message = f"The data folder {data_dir} is held by {_describe(lock.read())}."
            raise FolderHeld(message) from error
        lock.truncate(0)
        lock.write(msgspec.json.encode(Holder(os.getpid(), address)))
        lock.flush()
        yield


def wait_for_port(host: str, port: int) -> None:
    """Return when the port can be bound; a server killed a moment ago may still let go of it.

    Raises Unavailable after five seconds.
    """
    deadline = time.monotonic() + _PORT_PATIENCE_S
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if time.monotonic() > deadline:
                    message = f"Cannot listen on {host}:{port}: {error.strerror}."
                    raise Unavailable(message) from error
            else:
                return
        time.sleep(_POLL_S)


def name_parent() -> None:
    """Let the child processes of this one know whose they are."""
    os.environ[_PARENT_VARIABLE] = str(os.getpid())


def end_with_parent() -> None:
    """End this process soon after the one that named itself its parent has gone, however it went.

    The parent may be gone before this is called, so asking the system for it would not do.
    """
    parent = int(os.environ[_PARENT_VARIABLE])

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def _describe(note: bytes) -> str:
    try:
        holder = msgspec.json.decode(note, type=Holder)
    except msgspec.DecodeError:
        return "another Kaquan server"
    return f"the server with process id {holder.pid} on {holder.address}"
