# SPDX-License-Identifier: Apache-2.0
"""Every test here runs in namespaces of its own: the machine's network is never touched."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import netns  # noqa: E402
from lab import Lab  # noqa: E402


def pytest_configure(config):
    netns.enter_private([sys.executable, "-m", "pytest"] + list(config.invocation_params.args))


@pytest.fixture
def make_lab(tmp_path):
    """make_lab(**options): a Lab that ends with the test."""
    import contextlib
    with contextlib.ExitStack() as stack:
        def make(**options):
            folder = tmp_path / ("lab%d" % len(os.listdir(tmp_path)))
            folder.mkdir()
            for path in (tmp_path, *list(tmp_path.parents)[:2]):
                os.chmod(path, 0o755)
            return stack.enter_context(Lab(folder, **options))
        yield make


@pytest.fixture
def lab(make_lab):
    return make_lab()
