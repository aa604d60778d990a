#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs commands for the tests: one JSON object a line over a virtio port, several at a time.

Asked {"id", "argv", "input", "timeout"}; answered {"id", "code", "out", "err"}; input, out and err
are base64. code is null when the time was up (everything in the command's session is killed then).
"""

import base64
import json
import os
import select
import signal
import subprocess
import threading
import time

PORT = '/dev/virtio-ports/org.bmclink.agent'
ENVIRONMENT = {
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME': '/var/tmp', 'LC_ALL': 'C.UTF-8', 'DEBIAN_FRONTEND': 'noninteractive',
}


class Agent:
    def __init__(self, fd):
        self.fd = fd
        self.writing = threading.Lock()

    def answer(self, **fields):
        data = json.dumps(fields).encode() + b'\n'
        with self.writing:
            while data:
                data = data[os.write(self.fd, data):]

    def run(self, request):
        result = {'id': request['id']}
        try:
            result.update(run(request))
        except OSError as error:
            result.update(code=127, out='', err=encode(f'{request["argv"][0]}: {error}'.encode()))
        self.answer(**result)

    def serve(self):
        pending = b''
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        while True:
            poll.poll()
            data = os.read(self.fd, 65536)
            if not data:
                # Nobody is connected: the port has no event for "somebody came".
                time.sleep(0.02)
                pending = b''
                continue
            *lines, pending = (pending + data).split(b'\n')
            for line in lines:
                self.take(line)

    def take(self, line):
        try:
            request = json.loads(line)
        except ValueError:
            return
        threading.Thread(target=self.run, args=(request,), daemon=True).start()


def encode(data):
    return base64.b64encode(data).decode()


def run(request):
    process = subprocess.Popen(
        request['argv'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, cwd='/var/tmp',
        env={**ENVIRONMENT, **request.get('env', {})})
    data = base64.b64decode(request.get('input') or '')
    try:
        out, err = process.communicate(data, timeout=request.get('timeout', 60))
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        code = None
    return {'code': code, 'out': encode(out), 'err': encode(err)}


def main():
    while not os.path.exists(PORT):
        # udev makes the name; no unit can be ordered after it this early.
        time.sleep(0.02)
    Agent(os.open(PORT, os.O_RDWR)).serve()


main()
