# SPDX-License-Identifier: Apache-2.0
"""Every test here runs in namespaces of its own: the machine's network is never touched."""
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import netns  # noqa: E402
from lab import Lab  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "plain_only: ./check runs it without sanitizers only")
    config.addinivalue_line("markers", "sanitizers_only: ./check runs it with sanitizers only")
    config.addinivalue_line("markers", "xdist_group(name): tests that must not run side by side")
    netns.enter_private([sys.executable, "-m", "pytest"] + list(config.invocation_params.args))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.failed_call = report.failed


@pytest.fixture
def tmp_path():
    """Below our own /run: an unprivileged worker gets there, and it is gone with us."""
    folder = tempfile.mkdtemp(prefix="test", dir="/run")
    os.chmod(folder, 0o755)
    yield pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_lab(tmp_path, request):
    """make_lab(**options): a Lab that ends with the test. When it failed, the logs are shown."""
    labs = []
    with contextlib.ExitStack() as stack:
        def make(**options):
            folder = tmp_path / ("lab%d" % len(labs))
            labs.append(stack.enter_context(Lab(folder, **options)))
            return labs[-1]
        yield make
        for lab in labs if getattr(request.node, "failed_call", False) else []:
            lab.print_logs()


@pytest.fixture
def lab(make_lab):
    return make_lab()
