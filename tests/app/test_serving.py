"""`tenure up`: one command that serves, and stops what it started."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tenure.errors import TenureError
from tenure_app.serving import check_port

if TYPE_CHECKING:
    from collections.abc import Iterator

UP = """
import sys
from pathlib import Path
from tenure_app.serving import serve
sys.exit(serve(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]), lambda link: print(link, flush=True)))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children_of(process: int) -> list[int]:
    # A machine without procps has no `ps`; what the kernel says is the same.
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended just now
            if stat.read_text().rsplit(")", 1)[1].split()[1] == str(process):
                children.append(int(stat.parent.name))
    return children


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_taken_port_is_refused_in_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TenureError, match=f"--port {port + 1}"):
            check_port("127.0.0.1", port)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TENURE_", "DJANGO_"))}
    command = [sys.executable, "-c", UP, str(tmp_path / "lake"), str(free_port())]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
def test_it_serves_behind_a_link_and_stops_its_children(running: subprocess.Popen[str]) -> None:
    assert running.stdout is not None
    link = running.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", link)
    base = link.split("/?")[0]
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    assert b"sign-in" in urllib.request.urlopen(f"{base}/settings/").geturl().encode()
    page = opener.open(link).read().decode()
    assert 'href="/static/tenure_app/vendor/tabler.min.' in page
    (style,) = set(re.findall(r'href="(/static/tenure_app/frame\.[0-9a-f]+\.css)"', page))
    assert urllib.request.urlopen(base + style).status == 200
    family = children_of(running.pid)
    assert len(family) == 2
    os.kill(family[0], 0)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=30) == 0
    assert not [member for member in family if alive(member)]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{base}/health/", timeout=2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
def test_a_worker_that_dies_is_started_anew_and_nobody_outlives_a_killed_parent(running: subprocess.Popen[str]) -> None:
    assert running.stdout is not None
    running.stdout.readline()
    before = children_of(running.pid)
    work = next(one for one in before if b"worker" in Path(f"/proc/{one}/cmdline").read_bytes())
    os.kill(work, signal.SIGKILL)
    until = time.monotonic() + 20
    while time.monotonic() < until and (work in children_of(running.pid) or len(children_of(running.pid)) < 2):
        time.sleep(0.2)
    family = children_of(running.pid)
    assert len(family) == 2
    assert work not in family
    time.sleep(3)  # the new worker has to be awake to notice
    running.kill()
    running.wait()
    until = time.monotonic() + 30
    while time.monotonic() < until and any(alive(member) for member in family):
        time.sleep(0.2)
    assert not [member for member in family if alive(member)]
