# SPDX-License-Identifier: Apache-2.0
"""The real bmclink-endpoint on the loopback device of a network namespace of our own."""
import ctypes
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "net")]

import netns  # noqa: E402
from service import Endpoint, make_certificate  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "plain_only: ./check runs it without sanitizers only")
    config.addinivalue_line("markers", "sanitizers_only: ./check runs it with sanitizers only")
    netns.enter_private([sys.executable, "-m", "pytest"] + list(config.invocation_params.args))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(netns.CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@pytest.fixture
def endpoint(tmp_path):
    """Not started: endpoint.start(key=value, ...)."""
    service = Endpoint(str(tmp_path / "bmc"))
    yield service
    service.finish()


@pytest.fixture
def bmc(endpoint):
    """Started with its defaults, an administrator, and no host known."""
    endpoint.set_password()
    return endpoint.start()


@pytest.fixture
def host(tmp_path):
    return make_certificate(tmp_path, "host")


@pytest.fixture
def stranger(tmp_path):
    return make_certificate(tmp_path, "stranger")
