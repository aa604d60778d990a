# SPDX-License-Identifier: Apache-2.0
"""The two ends of bench/access: a server behind the relay, a client before it.

    access_load.py server ADDRESS PORT
    access_load.py client ADDRESS PORT down|up|ask|connect COUNT

A connection says 16h (as TLS does), a letter and a number of eight bytes. "D": the server sends so
many bytes; "U": it takes them and says "k"; "E": it says again what it hears. Both ends are cheap:
bytes go out of a memory file by sendfile(2) and are thrown away unread (MSG_TRUNC).
"""
import json
import os
import socket
import struct
import sys
import threading
import time

HEAD = struct.Struct(">BcQ")
BLOCK = 16 << 20


def memory():
    fd = os.memfd_create("bench")
    os.ftruncate(fd, BLOCK)
    os.pwrite(fd, os.urandom(BLOCK), 0)
    return fd


def send(connection, fd, count):
    while count:
        count -= os.sendfile(connection.fileno(), fd, BLOCK - min(count, BLOCK), min(count, BLOCK))


def take(connection, count):
    buffer = bytearray(1 << 20)
    while count:
        n = connection.recv_into(buffer, min(count, len(buffer)), socket.MSG_TRUNC)
        if n == 0:
            raise OSError("the other end closed too early")
        count -= n


def read(connection, count):
    data = b""
    while len(data) < count:
        got = connection.recv(count - len(data))
        if not got:
            raise OSError("the other end closed too early")
        data += got
    return data


def serve_one(connection, fd):
    try:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, kind, count = HEAD.unpack(read(connection, HEAD.size))
            if kind == b"D":
                send(connection, fd, count)
            elif kind == b"U":
                take(connection, count)
                connection.sendall(b"k")
            while kind == b"E":
                data = connection.recv(65536)
                if not data:
                    return
                connection.sendall(data)
            connection.recv(1)
    except OSError:
        pass


def serve(address, port):
    fd = memory()
    listener = socket.create_server((address, port), backlog=512)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_one, args=(connection, fd), daemon=True).start()


def connect(address, port, kind, count):
    connection = socket.create_connection((address, port), timeout=60)
    connection.settimeout(None)  # sendfile(2) is to wait
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(HEAD.pack(0x16, kind, count))
    return connection


def client(address, port, what, count):
    """{"seconds": [...]}, one of each thing that was done; waits for a line before it closes."""
    seconds = []
    if what in ("down", "up"):
        fd = memory()
        connection = connect(address, port, b"D" if what == "down" else b"U", count)
        began = time.perf_counter()
        if what == "down":
            take(connection, count)
        else:
            send(connection, fd, count)
            read(connection, 1)
        seconds.append(time.perf_counter() - began)
        print(json.dumps({"seconds": seconds}), flush=True)
        sys.stdin.readline()  # the CPU of who is between us is read while it lives
        return
    text = b"x" * 200
    if what == "ask":
        connection = connect(address, port, b"E", 0)
    for _ in range(count):
        began = time.perf_counter()
        if what == "connect":
            connection = connect(address, port, b"E", 0)
        connection.sendall(text)
        read(connection, len(text))
        seconds.append(time.perf_counter() - began)
        if what == "connect":
            connection.close()
    print(json.dumps({"seconds": seconds}), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        client(sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
