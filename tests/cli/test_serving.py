"""The server process: one a folder, stopped cleanly, started again after any death."""

import os
import signal

import httpx
import psutil
import pytest

from cli.conftest import CommandLine

PATIENCE_S = 120
"""A machine with much to do may be slow; what stays for ever is what a test is to find."""


@pytest.mark.slow
def test_one_server_has_its_folder_and_port_until_ctrl_c_ends_all_of_it(
    command_line: CommandLine, port: int
) -> None:
    command_line.init()
    with command_line.serving(port) as process:
        second = command_line.run_here("serve", "--port", str(port + 1))
        assert second.returncode == 1
        assert f"process id {process.pid} on http://127.0.0.1:{port}" in second.stderr
        assert _status(port, "healthz") == 200
        other = CommandLine(command_line.data_dir.parent / "other")
        taken = other.run_here("serve", "--port", str(port))
        assert taken.returncode == 1
        assert f"Cannot listen on 127.0.0.1:{port}" in taken.stderr
        # Commands on the same folder work while it is served, and leave its database running.
        assert command_line.run_here("ledger", "check").returncode == 0
        assert _status(port, "readyz") == 200
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 0
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert not alive
    assert not (command_line.data_dir / "postgres" / "postmaster.pid").exists()


def _status(port: int, path: str) -> int:
    return httpx.get(f"http://127.0.0.1:{port}/{path}", timeout=PATIENCE_S).status_code


@pytest.mark.slow
def test_killed_outright_it_just_starts_again(command_line: CommandLine, port: int) -> None:
    keys = command_line.init()
    for victim in ("server", "database"):
        with command_line.serving(port) as process:
            family = psutil.Process(process.pid).children(recursive=True)
            if victim == "database":
                pid_file = command_line.data_dir / "postgres" / "postmaster.pid"
                os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
            process.kill()
            process.wait()
        _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
        assert not alive, "children of a killed server must go with it"
    with command_line.serving(port):
        answer = httpx.get(
            f"http://127.0.0.1:{port}/v1/customers",
            headers={"X-App-Id": keys["app_id"], "X-App-Token": keys["app_token"]},
            timeout=PATIENCE_S,
        )
        assert answer.status_code == 200
