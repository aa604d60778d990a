# SPDX-License-Identifier: Apache-2.0
"""What Python's ssl does not offer: key updates, renegotiation and tickets without end.

The SSL behind an SSLSocket is asked by OpenSSL's own functions. Where CPython keeps it is no
interface: so it is looked at before it is used, and a test whose attack finds that it has moved
fails (both matrices collect what goes wrong in an attack).
"""
import ctypes
import ctypes.util
import select
import ssl

_lib = ctypes.CDLL("libssl.so.3")
for _name in ("SSL_version", "SSL_renegotiate", "SSL_do_handshake", "SSL_new_session_ticket",
              "SSL_is_server"):
    getattr(_lib, _name).argtypes = [ctypes.c_void_p]
_lib.SSL_key_update.argtypes = [ctypes.c_void_p, ctypes.c_int]
_lib.SSL_get_error.argtypes = [ctypes.c_void_p, ctypes.c_int]
VERSIONS = {"TLSv1.1": 0x302, "TLSv1.2": 0x303, "TLSv1.3": 0x304}
WANT_READ, WANT_WRITE = 2, 3
# PyObject_HEAD, PyObject *Socket, SSL *ssl: Modules/_ssl.c, PySSLSocket, since 3.6
OFFSET = 3 * ctypes.sizeof(ctypes.c_void_p)


def _get_ssl(connection):
    assert isinstance(connection, ssl.SSLSocket)
    pointer = ctypes.c_void_p.from_address(id(connection._sslobj) + OFFSET)
    said = connection.version()  # None amid a renegotiation
    right = [VERSIONS[said]] if said else VERSIONS.values()
    assert _lib.SSL_version(pointer) in right, "the SSL is elsewhere"
    return pointer


def _push(connection, pointer, over):
    """Sent: True. A socket with a time-out does not block; over() ends the waiting."""
    while True:
        r = _lib.SSL_do_handshake(pointer)
        if r == 1:
            return True
        error = _lib.SSL_get_error(pointer, r)
        if error == WANT_READ:  # the other end's part of it, which is not waited for
            return True
        if error != WANT_WRITE or over():
            return False
        select.select([], [connection], [], 0.2)


def key_update(connection, over, ask_back=False):
    """One KeyUpdate (RFC 8446 4.6.3); ask_back: the other end is to send one, too."""
    pointer = _get_ssl(connection)
    return _lib.SSL_key_update(pointer, 1 if ask_back else 0) == 1 \
        and _push(connection, pointer, over)


def session_ticket(connection, over):
    """One more NewSessionTicket (RFC 8446 4.6.1); servers only."""
    pointer = _get_ssl(connection)
    return _lib.SSL_new_session_ticket(pointer) == 1 and _push(connection, pointer, over)


def renegotiate(connection, over):
    """A HelloRequest of TLS 1.2's server, a ClientHello of its client."""
    pointer = _get_ssl(connection)
    return _lib.SSL_renegotiate(pointer) == 1 and _push(connection, pointer, over)
