"""A PostgreSQL that a test may stop: a cluster of its own in a temporary folder, at a port of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.production.stack import free_port


def _programs() -> Path | None:
    """Return where initdb and pg_ctl are: Debian keeps those of each version in a folder outside of PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: float(each.parent.name))
    if found := shutil.which("initdb"):
        folders.append(Path(found).parent)
    return next((each for each in reversed(folders) if (each / "initdb").exists()), None)


PROGRAMS = _programs()


def _user() -> str | None:
    """Return whom it runs as: PostgreSQL refuses to be root. None: whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Cluster:
    def __init__(self) -> None:
        self.folder, self.port, self.user = Path(tempfile.mkdtemp(prefix="bms-postgres-")), free_port(), _user()
        if self.user:
            shutil.chown(self.folder, self.user)
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale")
        here = f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n"
        with (self.folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write(here)
        self.start()

    def start(self) -> None:
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "start")

    def stop(self, mode: str) -> None:
        """Stop it: "fast" ends every connection and writes all down, "immediate" is a crash."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def remove(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *options: str) -> None:
        assert PROGRAMS
        # What it leaves running must not keep a pipe of ours open
        with (self.folder / f"{program}.told").open("w+") as told:
            command = [PROGRAMS / program, "-D", self.folder / "data", *options]
            done = subprocess.run(
                command, cwd="/", user=self.user, stdout=told, stderr=subprocess.STDOUT, timeout=120, check=False
            )
            told.seek(0)
            assert done.returncode == 0, told.read()
