# SPDX-License-Identifier: Apache-2.0
"""A real browser without a screen: Debian's chromium, spoken to by its DevTools protocol over two
pipes (no port that anybody else could reach)."""
import base64
import hashlib
import json
import os
import select
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

PROGRAM = "/usr/lib/chromium/chromium"


def key_pin(pem):
    """What chromium calls a certificate's key: SHA-256 of its SPKI."""
    key = x509.load_pem_x509_certificate(pem).public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


class Browser:
    """with Browser(folder, pem) as browser: browser.open(url); browser.value("1 + 1")"""

    def __init__(self, folder, pem, wrap=lambda command: command, width=360, height=740,
                 dark=False):
        self.folder, self.pin, self.wrap = str(folder), key_pin(pem), wrap
        self.width, self.height, self.dark = width, height, dark
        self.number, self.buffer = 0, b""
        self.session = None
        self.messages = []  # of the console, and of the log that the browser itself writes

    def __enter__(self):
        to_browser, self.out = os.pipe()
        self.in_, from_browser = os.pipe()

        def place_pipes():  # 3 and 4 are what the browser looks at; both may be in the way
            there, here = os.dup(to_browser), os.dup(from_browser)
            spare = [os.open("/dev/null", os.O_RDWR) for _ in range(5)]
            there, here = os.dup(there), os.dup(here)
            os.dup2(there, 3)
            os.dup2(here, 4)
            for fd in spare:
                if fd > 4:
                    os.close(fd)
        self.process = subprocess.Popen(
            self.wrap([PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu",
                       "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                       "--disable-background-networking", "--disable-component-update",
                       "--disable-sync", "--no-proxy-server", "--hide-scrollbars",
                       "--user-data-dir=" + os.path.join(self.folder, "chromium"),
                       "--ignore-certificate-errors-spki-list=" + self.pin,
                       "--remote-debugging-pipe"]),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=place_pipes, start_new_session=True,
            env=dict(os.environ, HOME=self.folder))
        os.close(to_browser)
        os.close(from_browser)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=self.width, height=self.height,
                  deviceScaleFactor=1, mobile=True)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if self.dark else "light"}])
        return self

    def __exit__(self, *what):
        self.session = None
        try:
            self.call("Browser.close", timeout=5)
            self.process.wait(10)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, 9)
            self.process.wait()
        os.close(self.out)
        os.close(self.in_)

    def _read(self, end):
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.in_], [], [], left)[0], "no answer in time"
            piece = os.read(self.in_, 65536)
            assert piece, "the browser ended"
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, message):
        method, what = message.get("method"), message.get("params", {})
        if method == "Runtime.consoleAPICalled":
            self.messages.append(what["type"] + ": " + " ".join(
                str(a.get("value", a.get("description"))) for a in what["args"]))
        elif method == "Runtime.exceptionThrown":
            self.messages.append("exception: " + what["exceptionDetails"].get("text", ""))
        elif method == "Log.entryAdded":
            self.messages.append("%(source)s %(level)s: %(text)s" % what["entry"])

    def call(self, method, timeout=30, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + timeout
        while True:
            answer = self._read(end)
            if answer.get("id") != self.number:
                self._note(answer)
                continue
            assert "error" not in answer, (method, answer["error"])
            return answer["result"]

    def value(self, expression):
        """Of a JavaScript expression in the page (a promise is waited for)."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, expression, timeout=15):
        end = time.monotonic() + timeout
        while not self.value(expression):
            assert time.monotonic() < end, "not so within %d s: %s; %s; %s" % (
                timeout, expression, self.messages, self.value("document.body.innerText"))
            time.sleep(0.05)

    def open(self, url):
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, answer["errorText"]
        self.wait("document.readyState === 'complete'")

    def type(self, selector, text):
        """As a person does: with the keyboard, into the field that has the focus."""
        self.value("document.querySelector('%s').select()" % selector)
        self.value("document.querySelector('%s').focus()" % selector)
        self.call("Input.insertText", text=text)

    def click(self, selector):
        """With the pointer, in the middle of the element: what covers it would be hit."""
        x, y = json.loads(self.value(
            "(() => { const e = document.querySelector('%s'); e.scrollIntoView({block: 'center',"
            " behavior: 'instant'}); const r = e.getBoundingClientRect(); return JSON.stringify("
            "[r.x + r.width / 2, r.y + r.height / 2]); })()" % selector))
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                      clickCount=1)

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))
