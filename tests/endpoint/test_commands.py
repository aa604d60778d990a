# SPDX-License-Identifier: Apache-2.0
"""bmclink-endpoint's commands, where the service is not as it should be."""
import os
import socket
import threading

import pytest


@pytest.mark.parametrize("answer", [b"", b'{"result": [1, ', b"\xff\n", b"nonsense\n"])
def test_a_command_whose_answer_breaks_off_says_so(endpoint, answer):
    """Neither success nor a bare word of the C library: nobody knows whether it was done."""
    os.makedirs(endpoint.runtime_dir, exist_ok=True)
    service = socket.socket(socket.AF_UNIX)
    service.bind(os.path.join(endpoint.runtime_dir, "endpoint-control"))
    service.listen()

    def serve():
        one = service.accept()[0]
        one.recv(4096)
        one.sendall(answer)
        one.close()
    thread = threading.Thread(target=serve)
    thread.start()
    out = endpoint.command("trust", "list")
    thread.join(10)
    service.close()
    assert out.returncode == 1 and out.stdout == ""
    assert "did not answer as it should" in out.stderr and "is not known" in out.stderr
