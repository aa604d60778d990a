# SPDX-License-Identifier: Apache-2.0
"""The page for people at /: what it says, what its fields forbid, and a browser in front of it."""
import os
import re
import sys

import pytest

from service import PASSWORD, Stream

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from chromium import Browser  # noqa: E402

FILES = {"/": "text/html", "/page/page.css": "text/css", "/page/page.js": "text/javascript"}
HOSTILE = "<img src=x onerror=alert(1)>&lt;"


@pytest.mark.parametrize("path", FILES)
def test_files_and_their_fields(bmc, path):
    answer = bmc.get(path)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith(FILES[path])
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    for part in ("script-src 'self'", "connect-src 'self'", "form-action 'none'",
                 "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Set-Cookie" not in answer.headers
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        assert bmc.request(method, path, body={}).status == 405
    head = bmc.request("HEAD", path)
    assert head.status == 200 and head.body == b""


def test_nothing_from_outside_and_no_markup_by_text(bmc):
    for path in FILES:
        text = bmc.get(path).body.decode()
        assert not re.search(r"(?<!redfish)(https?:)?//[a-z0-9]", re.sub(r"(?m)^// .*$", "", text))
        for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(",
                     "localStorage", "sessionStorage", "document.cookie"):
            assert word not in text
    html = bmc.get("/").body.decode()
    assert not re.search(r"<script[^>]*>[^<]", html) and "style=" not in html
    assert not re.search(r"\son\w+=", html)
    assert bmc.get("/page/").status in (401, 404) and bmc.get("/page/x").status in (401, 404)


def test_state(bmc, host):
    state = bmc.get("/page/state.json").json()
    assert state == {"Product": state["Product"], "FirmwareVersion": state["FirmwareVersion"],
                     "HostConnected": False}
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    state = bmc.get("/page/state.json").json()
    assert (state["HostConnected"], state["Protocol"], state["Security"]) == (
        True, "IPv4", "TLS 1.3")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*", state["Since"])
    stream.close()


# --- a browser ------------------------------------------------------------------------------------

@pytest.fixture
def browser(bmc, tmp_path):
    with open(os.path.join(bmc.state_dir, "endpoint.crt"), "rb") as file:
        pem = file.read()
    with Browser(tmp_path, pem) as browser:
        browser.open("https://127.0.0.1:8443/")
        yield browser


def log_in(browser, password=PASSWORD):
    browser.wait("!document.getElementById('login').hidden")
    browser.type("#password", password)
    browser.click("#login-button")


def fits(browser):
    """No horizontal scroll at 360 pixels, and nothing that is cut off."""
    assert browser.value("innerWidth") == 360
    assert browser.value("document.documentElement.scrollWidth") == 360
    assert browser.value("[...document.querySelectorAll('body *')].filter((e) => "
                         "e.getBoundingClientRect().right > 360.5).length") == 0


def test_a_person_logs_in_sees_a_record_and_flips_a_switch(bmc, host, browser):
    assert bmc.enrol(host).status == 201
    stream = Stream(bmc, host)
    browser.wait("document.getElementById('link').textContent.includes('connected over IPv4, "
                 "TLS 1.3')", 20)
    fits(browser)
    assert browser.value("getComputedStyle(document.getElementById('features')).display") == "none"
    log_in(browser)
    browser.wait("document.querySelectorAll('#log li').length > 1")
    assert "ISM1031" in browser.value("document.getElementById('log').textContent")
    assert browser.value("document.querySelectorAll('#switches input').length") == 4
    fits(browser)
    browser.click("#switch-LocalNames")
    browser.wait("document.getElementById('log').textContent.includes('ISM1202')")
    module = bmc.get("/redfish/v1/Managers/bmc/Oem/Bmclink/ServiceModule",
                     password=PASSWORD).json()
    assert module["LocalNames"] == {"Enabled": False} and module["SnmpGet"] == {"Enabled": True}
    assert browser.value("document.getElementById('switch-LocalNames').checked") is False
    sessions = "/redfish/v1/SessionService/Sessions"
    assert len(bmc.get(sessions, password=PASSWORD).json()["Members"]) == 1
    browser.click("#logout-button")
    browser.wait("!document.getElementById('login').hidden")
    assert bmc.get(sessions, password=PASSWORD).json()["Members"] == []
    assert browser.value("document.querySelectorAll('#log li').length") == 0
    assert browser.value("document.getElementById('password').value") == ""
    assert browser.messages == []  # no breach of the policy, and no other error
    stream.close()


def test_somebody_else_changed_it_meanwhile(bmc, browser):
    log_in(browser)
    browser.wait("document.querySelectorAll('#switches input').length === 4")
    assert bmc.command("features", "snmp-get", "off").returncode == 0
    browser.click("#switch-SnmpGet")
    browser.wait("document.getElementById('trouble').textContent.includes('changed meanwhile') || "
                 "document.getElementById('log').textContent.includes('snmp-get was switched on')")
    assert browser.value("document.getElementById('switch-SnmpGet').checked") is (
        bmc.get("/redfish/v1/Managers/bmc/Oem/Bmclink/ServiceModule",
                password=PASSWORD).json()["SnmpGet"]["Enabled"])


def test_a_wrong_password(bmc, browser):
    log_in(browser, "wrong password")
    browser.wait("document.getElementById('trouble').textContent.includes('wrong')")
    assert browser.value("document.getElementById('features').hidden") is True


def test_text_from_outside_stays_text(bmc, browser):
    """Markup in what the BMC is called: shown as it is, and the browser finds nothing to load."""
    bmc.reload(product=HOSTILE)
    bmc.wait_entry("ISM1030")
    browser.open("https://127.0.0.1:8443/")
    browser.wait("document.getElementById('product').textContent === %r" % HOSTILE)
    assert browser.value("document.images.length") == 0
    assert browser.messages == []


def test_the_policy_is_in_force(browser):
    """The twin: a script and a request that are not the page's are stopped by the browser."""
    browser.value("(() => { const s = document.createElement('script'); s.textContent = "
                  "'window.ran = 1'; document.body.append(s); })()")
    assert browser.value("window.ran === undefined")
    assert browser.value("fetch('https://127.0.0.2:8443/').then(() => 'went', () => 'stopped')"
                         ) == "stopped"
    assert any("Content Security Policy" in m for m in browser.messages)


def test_dark(bmc, tmp_path):
    with open(os.path.join(bmc.state_dir, "endpoint.crt"), "rb") as file:
        pem = file.read()
    grounds = set()
    for dark in (False, True):
        folder = tmp_path / str(dark)
        folder.mkdir()
        with Browser(folder, pem, dark=dark) as browser:
            browser.open("https://127.0.0.1:8443/")
            grounds.add(browser.value("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
