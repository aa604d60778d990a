#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An administrator who is served while others attack. Usage: bystander.py PORT USER:PASSWORD

Says "served" when he has had his first answer; then asks each 50 ms, each fifth time on a new
connection, until stdin ends, and prints what the longest took, as JSON. A new connection that is
turned away is tried again: the time until the answer counts. One that he has must not end.
"""
import base64
import json
import re
import select
import socket
import ssl
import sys
import time

PORT, TOKEN = int(sys.argv[1]), base64.b64encode(sys.argv[2].encode()).decode()
QUESTION = ("GET /redfish/v1/Managers/bmc HTTP/1.1\r\nHost: b\r\n"
            "Authorization: Basic %s\r\n\r\n" % TOKEN).encode()
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


def connect():
    return CONTEXT.wrap_socket(socket.create_connection(("127.0.0.1", PORT), 20, ("127.0.9.9", 0)))


def ask(connection):
    connection.sendall(QUESTION)
    data = b""
    while True:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("closed")
        data += piece
        head, mark, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if mark and length and len(body) >= int(length.group(1)):
            break
    assert data.startswith(b"HTTP/1.1 200 "), data[:80]


def ask_anew():
    """How often it was turned away."""
    end, times = time.monotonic() + 20, 0
    while True:
        try:
            with connect() as connection:
                ask(connection)
            return times
        except OSError:
            times += 1
            if time.monotonic() > end:
                raise


def main():
    served = {"asked": 0, "kept": 0.0, "new": 0.0, "lost": 0, "turned_away": 0}
    kept = connect()
    ask(kept)
    print("served", flush=True)
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        served["asked"] += 1
        fresh, begin = served["asked"] % 5 == 0, time.monotonic()
        try:
            if fresh:
                served["turned_away"] += ask_anew()
            else:
                ask(kept)
        except OSError:
            served["lost"] += 1
            kept = connect()
        kind = "new" if fresh else "kept"
        served[kind] = max(served[kind], time.monotonic() - begin)
    print(json.dumps(served))


main()
