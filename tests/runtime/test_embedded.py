"""The embedded server: shared while it is used, stopped after, and back after any death."""

import os
import signal
from pathlib import Path

import psutil
import psycopg
import pytest

from kaquan.runtime import Unavailable, embedded_postgres, running_address

pytestmark = pytest.mark.slow


def _postmaster(data_dir: Path) -> psutil.Process:
    return psutil.Process(int((data_dir / "postgres/postmaster.pid").read_text().split()[0]))


def _kill_postmaster(data_dir: Path) -> psutil.Process:
    postmaster = _postmaster(data_dir)
    postmaster.kill()
    psutil.wait_procs([postmaster])
    assert running_address(data_dir) is None
    return postmaster


def _remembered(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [number for (number,) in connection.execute("select number from kept order by 1")]


def test_it_runs_while_the_block_lasts_and_keeps_its_data(tmp_path: Path) -> None:
    assert running_address(tmp_path) is None
    with embedded_postgres(tmp_path) as url:
        assert running_address(tmp_path) == url
        with psycopg.connect(url) as connection:
            connection.execute("create table kept (number integer)")
            connection.execute("insert into kept values (1)")
    assert running_address(tmp_path) is None
    with embedded_postgres(tmp_path) as url:
        assert _remembered(url) == [1]


def _waits_for_the_disk(url: str) -> list[str]:
    settings = ("fsync", "synchronous_commit", "full_page_writes")
    with psycopg.connect(url) as connection:
        return [connection.execute(f"show {name}").fetchall()[0][0] for name in settings]


def test_it_is_durable_unless_told_otherwise(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path, durable=False) as url:
        assert _waits_for_the_disk(url) == ["off", "off", "off"]
    with embedded_postgres(tmp_path) as url:
        assert _waits_for_the_disk(url) == ["on", "on", "on"]


def test_the_last_user_stops_it(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path) as url:
        with embedded_postgres(tmp_path, database="another") as other:
            assert other != url
        assert running_address(tmp_path) == url
    assert running_address(tmp_path) is None


def test_after_kill_9_it_starts_again_and_lost_nothing(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path) as url:
        with psycopg.connect(url) as connection:
            connection.execute("create table kept (number integer)")
            connection.execute("insert into kept values (1)")
        with psycopg.connect(url) as open_connection:
            open_connection.execute("insert into kept values (2)")
            killed = _kill_postmaster(tmp_path)
            with embedded_postgres(tmp_path) as again:
                assert _remembered(again) == [1]
                assert _postmaster(tmp_path) != killed
            open_connection.close()


def test_a_busy_query_of_a_killed_server_does_not_keep_the_next_from_starting(
    tmp_path: Path,
) -> None:
    with embedded_postgres(tmp_path) as url:
        with psycopg.connect(url) as connection:
            connection.execute("create table kept (number integer)")
        with psycopg.connect(url) as busy:
            worker = psutil.Process(busy.info.backend_pid)
            # Computing, a backend does not notice that its server is gone.
            busy.pgconn.send_query(b"select count(*) from generate_series(1, 1000000000000) n")
            _kill_postmaster(tmp_path)
            assert worker.is_running()
            with embedded_postgres(tmp_path) as again:
                assert _remembered(again) == []
            assert not worker.is_running()
            busy.close()


def test_a_user_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with embedded_postgres(tmp_path):
            os.write(tell, b"ready")
            signal.pause()
    os.close(tell)
    assert os.read(ready, 5) == b"ready"
    os.close(ready)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert running_address(tmp_path) is not None, "the server outlives its user"
    with embedded_postgres(tmp_path):
        pass
    assert running_address(tmp_path) is None


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    occupied = tmp_path / "data"
    occupied.write_text("not a folder")
    with pytest.raises(Unavailable, match="cannot be used"), embedded_postgres(occupied):
        pass


def test_a_folder_of_somebody_elses_data_is_refused_and_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "postgres" / "important.txt"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    with pytest.raises(Unavailable, match="initdb"), embedded_postgres(tmp_path):
        pass
    assert foreign.read_text() == "mine"


def test_a_long_path_does_not_outgrow_the_socket(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path / ("d" * 120)) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
