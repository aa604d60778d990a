#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Pulls the cable of the BMC's NIC and plugs it in again, and waits for the agent each time.

    flap.py COUNT SECONDS

Prints a JSON object: cycles done, and the milliseconds from plug to connected of each.
"""

import json
import socket
import sys
import time
from pathlib import Path

GADGET = Path('/sys/kernel/config/usb_gadget/bmclink/UDC')


def state():
    with socket.socket(socket.AF_UNIX) as control:
        control.connect('/run/bmclink/control')
        control.sendall(b'{"command":"status"}\n')
        return json.loads(control.makefile().readline())['result']['state']


def wait(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def main():
    count, seconds = int(sys.argv[1]), float(sys.argv[2])
    times, stuck = [], None
    controller = GADGET.read_text()
    for _ in range(count):
        GADGET.write_text('\n')
        if not wait(lambda: state() != 'connected', seconds):
            stuck = 'still connected without a cable'
            break
        begin = time.monotonic()
        GADGET.write_text(controller)
        if not wait(lambda: state() == 'connected', seconds):
            stuck = f'not connected again: {state()}'
            break
        times.append(round((time.monotonic() - begin) * 1000))
    print(json.dumps({'cycles': len(times), 'ms': times, 'stuck': stuck}))


main()
