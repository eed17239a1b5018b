"""One command that serves: a web server and a worker, started together and stopped together.

The parent prepares (lake, database, static files, sign-in link) and then only watches its two children. Children
watch the parent too, so that none of them is left behind when it is killed.
"""

from __future__ import annotations

import io
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tenure.errors import TenureError
from tenure.words import mark

GRACE = 15.0
THREADS = 8
Say = Callable[[str], None]


def check_port(host: str, port: int) -> None:
    """Refuse a port that is taken: the web server itself would share it silently with whoever was there first."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            text = mark("Port %(port)s on %(host)s is already in use. Stop the other program, or use --port %(other)s.")
            if isinstance(error, PermissionError):
                text = mark(
                    "You do not have permission to use port %(port)s. Choose one above 1023, such as --port 8000."
                )
            elif isinstance(error, socket.gaierror):
                text = mark("Host %(host)s is not available on this computer. Use --host 127.0.0.1.")
            raise TenureError(text, host=host, port=port, other=port + 1) from error


def prepare(lake: Path) -> None:
    """Make what is missing: the lake, the tables of the operations database, the static files."""
    start_django(lake)
    from django.core.management import call_command

    call_command("check", stdout=io.StringIO())
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    from tenure_app.staff.actions import ensure_administrator

    ensure_administrator()


def start_django(lake: Path | None = None) -> None:
    """Wake Django up over a lake; a new lake is made first, because it wants an empty folder."""
    if lake is not None:
        from tenure.facts.lake import Lake

        Lake.create(lake)
        os.environ["TENURE_LAKE"] = str(lake)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenure_app.settings")
    import django

    django.setup()


def serve(lake: Path, host: str, port: int, say: Say) -> int:
    """Serve the application until Ctrl-C or SIGTERM, and return the exit code."""
    check_port(host, port)
    prepare(lake)
    from tenure_app.staff.actions import hash_of

    token = secrets.token_urlsafe(24)
    hosts = ",".join(sorted({"127.0.0.1", "localhost", "[::1]", _named(host), socket.gethostname()}))
    fixed = {"TENURE_TOKEN_SHA256": hash_of(token), "DJANGO_SETTINGS_MODULE": "tenure_app.settings"}
    children = Children({"TENURE_HOSTS": hosts, **os.environ, **fixed}, host, port)
    children.start()
    try:
        if not children.wait_until_ready():
            return 1
        link = f"http://{_named(host)}:{port}/?token={token}"
        say(link)
        return children.watch()
    finally:
        children.stop()


def _named(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104  not bound here, only replaced in what is printed
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


class Children:
    """The web server and the worker."""

    def __init__(self, environment: dict[str, str], host: str, port: int) -> None:
        self.environment = environment
        self.address = f"http://{_named(host)}:{port}/health/"
        self.arguments = {"web": ["web", host, str(port)], "work": ["worker"]}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.over = threading.Event()

    def start(self) -> None:
        """Start both, and stop them when this process is to stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: self.over.set())
        for name in self.arguments:
            self._start(name)

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", "tenure_app.serving", *self.arguments[name]]
        # A session of their own: Ctrl-C reaches the parent alone, which then stops them in order.
        self.running[name] = subprocess.Popen(command, env=self.environment, start_new_session=True)  # noqa: S603

    def wait_until_ready(self, seconds: float = 60) -> bool:
        """Wait for the web server's first answer; False when it ended or this process is to stop."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.over.is_set() and self.running["web"].poll() is None:
            try:
                with urllib.request.urlopen(self.address, timeout=2) as answer:  # noqa: S310
                    return bool(answer.status == 200)
            except OSError:
                time.sleep(0.1)
        return False

    def watch(self) -> int:
        """Return 0 once told to stop, 1 when the web server ended by itself; start a worker that died anew."""
        pause = 1.0
        while not self.over.wait(0.5):
            if self.running["web"].poll() is not None:
                return 1
            if self.running["work"].poll() is not None:
                if self.over.wait(pause):
                    break
                pause = min(pause * 2, 60)
                self._start("work")
        return 0

    def stop(self) -> None:
        """Ask both to stop, and insist after a while: what a worker leaves undone is retaken at the next start."""
        for child in self.running.values():
            if child.poll() is None:
                child.terminate()
        until = time.monotonic() + GRACE
        for child in self.running.values():
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def follow_parent() -> None:
    """End this process soon after its parent is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def web(host: str, port: int) -> None:
    """Serve pages in this process, with threads: views wait for DuckDB and the database, which let go of Python."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    follow_parent()
    Granian(
        "tenure_app.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        websockets=False,
        blocking_threads=THREADS,
        backpressure=64,
        log_level=LogLevels.error,
    ).serve()


def worker() -> None:
    follow_parent()
    start_django()
    from tenure_app.core.work.running import work

    work()


if __name__ == "__main__":
    if sys.argv[1] == "web":
        web(sys.argv[2], int(sys.argv[3]))
    else:
        worker()
