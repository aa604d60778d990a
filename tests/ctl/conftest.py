# SPDX-License-Identifier: Apache-2.0
"""bmclinkctl alone, against a daemon that says what the test wants it to say."""
import json
import os
import socket
import subprocess
import threading

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BMCLINK_BUILD", os.path.join(ROOT, "build"))
CTL = os.path.join(BUILD, "src/ctl/bmclinkctl")


class Daemon:
    """A control socket with a script: command -> the lines that answer it.

    A line is an object, bytes that are sent as they are, or None: the connection is closed. After
    the last line the connection stays open until the client leaves. A function in place of the
    lines gets the request and returns them.
    """

    def __init__(self, folder):
        self.folder = str(folder)
        self.script = {}
        self.requests = []
        self.path = os.path.join(self.folder, "control")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def answer(self, command, *lines):
        self.script[command] = lines

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                self._serve_client(client)

    def _serve_client(self, client):
        for line in client.makefile("rb"):
            request = json.loads(line)
            self.requests.append(request)
            answers = self.script.get(request["command"], ())
            for answer in answers(request) if callable(answers) else answers:
                if answer is None:
                    return
                if not isinstance(answer, bytes):
                    answer = json.dumps(answer).encode() + b"\n"
                try:
                    client.sendall(answer)
                except BrokenPipeError:
                    return

    def stop(self):
        self.listener.close()


@pytest.fixture
def daemon(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    made = Daemon(folder)
    yield made
    made.stop()


def run_ctl(*arguments, stdout=subprocess.PIPE, **environment):
    env = dict(os.environ, TZ="UTC", **environment)
    return subprocess.run([CTL] + list(arguments), stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, env=env, timeout=30, text=True)


@pytest.fixture
def ctl(daemon):
    def run(*arguments, **environment):
        return run_ctl("--runtime-dir", daemon.folder, *arguments, **environment)
    return run
