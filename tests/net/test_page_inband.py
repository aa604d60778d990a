# SPDX-License-Identifier: Apache-2.0
"""A person at another machine, a browser, and the BMC's page through in-band access: TLS is the
BMC's own all the way, and a switch that is flipped there is in force on the host."""
import os
import sys

import pytest

from access import HOST, PORT, AccessLab
from netns import run, wait_for

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from chromium import Browser  # noqa: E402

PASSWORD = "correct horse battery"
PICTURE = os.environ.get("BMCLINK_SCREENSHOT")  # of the page, for the README


@pytest.fixture
def lab(tmp_path):
    with AccessLab(tmp_path) as lab:
        run(lab.bmc.wrap(lab.endpoint.command() + ["passwd"]), text_input=PASSWORD + "\n")
        lab.connect()
        yield lab


def test_s17_a_browser_through_the_host(lab, tmp_path):
    with open(os.path.join(lab.endpoint.state_dir, "endpoint.crt"), "rb") as file:
        pem = file.read()
    wait_for(lambda: lab.agent.status()["features"]["local-names"]["active"], 5, "the names")
    with Browser(tmp_path, pem, wrap=lab.client.wrap, width=700 if PICTURE else 360) as browser:
        browser.open("https://%s:%d/" % (HOST, PORT))
        browser.wait("document.getElementById('link').textContent.includes('connected over IPv4')")
        browser.type("#password", PASSWORD)
        browser.click("#login-button")
        browser.wait("document.querySelectorAll('#log li').length > 1")
        if PICTURE:
            browser.value("scrollTo(0, 0)")
            browser.screenshot(PICTURE)
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        browser.click("#switch-LocalNames")
        browser.wait("document.getElementById('log').textContent.includes('ISM1202')")
        wait_for(lambda: lab.agent.status()["features"]["local-names"]["reason"]
                 == "switched off at the BMC", 2, "the host follows")
        assert browser.messages == []
    assert lab.connections()["total"] >= 1
