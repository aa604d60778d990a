# SPDX-License-Identifier: Apache-2.0
"""Push subscriptions: delivered over the NIC, to the end or to a told end, and nowhere else."""
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from netns import Namespace, wait_for
from service import Endpoint, PASSWORD, make_certificate

SERVICE = "/redfish/v1/EventService"
SUBSCRIPTIONS = SERVICE + "/Subscriptions"


def ip(text):
    subprocess.run(["ip"] + text.split(), check=True)


class Listener:
    """An HTTPS server on the host's side of the NIC that keeps what is posted to it."""

    def __init__(self, namespace, certificate, port=8443, address="169.254.1.2"):
        self.events, self.requests, self.status, self.hold = [], [], 200, None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, dict(self.headers), body))
                if outer.hold:
                    outer.hold.wait(30)
                if outer.status < 300:
                    outer.events.append(json.loads(body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.path)
        with namespace.enter():
            self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def ids(self):
        return [e["MessageId"].split(".")[-1] for event in self.events for e in event["Events"]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Link:
    """usb0 of the endpoint, and the host behind it in a namespace of its own."""

    def __init__(self, folder):
        self.host = Namespace("push%d" % os.getpid())
        self.plug()
        self.certificate = make_certificate(folder, "listener")
        self.bmc = Endpoint(str(folder / "bmc"), interface="usb0")
        self.bmc.address = "169.254.1.1"
        self.bmc.set_password()
        self.bmc.start()

    def plug(self, address=True):
        ip("link add usb0 type veth peer name host0 netns " + self.host.name)
        self.host.ip("addr add 169.254.1.2/16 dev host0")
        self.host.ip("link set host0 up")
        ip("link set usb0 up")
        if address:
            ip("addr add 169.254.1.1/16 dev usb0")

    def request(self, *arguments, **options):
        with self.host.enter():
            return self.bmc.request(*arguments, password=PASSWORD, **options)

    def subscribe(self, destination, **more):
        return self.request("POST", SUBSCRIPTIONS, body=dict(
            {"Destination": destination, "Protocol": "Redfish", "Context": "c"}, **more))

    def members(self):
        return [m["@odata.id"] for m in self.request("GET", SUBSCRIPTIONS).json()["Members"]]

    def entries(self, message_id):
        path = "/redfish/v1/Managers/bmc/LogServices/Lclog/Entries"
        return [e for e in self.request("GET", path).json()["Members"]
                if e["MessageId"].endswith("." + message_id)]

    def finish(self):
        self.bmc.finish()
        subprocess.run(["ip", "link", "del", "usb0"], stderr=subprocess.DEVNULL)
        self.host.close()


@pytest.fixture
def link(tmp_path):
    made = Link(tmp_path)
    yield made
    made.finish()


def test_events_are_delivered_in_order(link):
    listener = Listener(link.host, link.certificate)
    answer = link.subscribe("https://169.254.1.2:8443/in?x=1")
    assert answer.status == 201
    location = answer.headers["Location"]
    assert answer.json()["@odata.id"] == location and location in link.members()
    resource = link.request("GET", location).json()
    assert resource["Destination"] == "https://169.254.1.2:8443/in?x=1"
    assert (resource["SubscriptionType"], resource["Protocol"]) == ("RedfishEvent", "Redfish")
    for state in ["On", "Off"] * 20:
        assert link.bmc.command("notice", "power", state).returncode == 0
    wait_for(lambda: listener.ids().count("ISM1072") == 40, 20, "all forty")
    states = [e["MessageArgs"][0] for event in listener.events for e in event["Events"]
              if e["MessageId"].endswith("ISM1072")]
    assert states == ["On", "Off"] * 20
    path, fields, body = listener.requests[0]
    assert path == "/in?x=1" and fields["Content-Type"].startswith("application/json")
    event = json.loads(body)
    assert event["Context"] == "c" and event["@odata.type"].startswith("#Event.")
    ids = [int(e["EventId"]) for event in listener.events for e in event["Events"]]
    assert ids == sorted(set(ids))
    # No more after its end.
    assert link.request("DELETE", location).status == 204
    assert link.request("GET", location).status == 404 and location not in link.members()
    before = len(listener.requests)
    link.bmc.command("notice", "host-reset")
    assert link.entries("ISM1075")
    assert len(listener.requests) == before
    listener.close()


def test_subscription_outlives_a_restart(link):
    listener = Listener(link.host, link.certificate)
    location = link.subscribe("https://169.254.1.2:8443/").headers["Location"]
    link.bmc.kill()
    link.bmc.start()
    assert location in link.members()
    wait_for(lambda: "ISM1031" in listener.ids() or link.bmc.command(
        "notice", "host-reset").returncode == 0 and "ISM1075" in listener.ids(), 20, "events")
    second = link.subscribe("https://169.254.1.2:8443/").headers["Location"]
    assert second != location
    listener.close()


@pytest.mark.parametrize("destination", [
    "http://169.254.1.2/", "https://localhost/", "https://127.0.0.1/", "https://[::1]/",
    "https://0.0.0.0/", "https://224.0.0.1/", "https://255.255.255.255/",
    "https://169.254.169.254/latest", "https://[::ffff:127.0.0.1]/", "https://2130706433/",
    "https://0x7f.1/", "https://169.254.1.2:0/", "https://169.254.1.2:99999/",
    "https://user@169.254.1.2/", "https://169.254.1.2:443@x/", "https://169.254.1.2/a b",
    "https://169.254.1.2/\r\nX: y", "https://169.254.1.2/#x", "https://", "ftp://169.254.1.2/",
    "https://169.254.1.2/" + "x" * 300, "https://[fe80::1%25usb0]/"])
def test_destinations_that_are_refused(bmc, destination):
    answer = bmc.request("POST", SUBSCRIPTIONS, password=PASSWORD,
                         body={"Destination": destination, "Protocol": "Redfish"})
    assert answer.status == 400, answer.body
    assert bmc.get(SUBSCRIPTIONS, password=PASSWORD).json()["Members"] == []


@pytest.mark.parametrize("more, status", [
    ({"Protocol": "FTP"}, 400), ({"Protocol": None}, 400), ({"Context": "x" * 300}, 400),
    ({"Context": "a\x1b[2J"}, 400), ({"RegistryPrefixes": ["Base"]}, 400),
    ({"RegistryPrefixes": []}, 201), ({"HttpHeaders": [{"X": "y"}]}, 400),
    ({"EventFormatType": "MetricReport"}, 400), ({"SubscriptionType": "SSE"}, 400),
    ({"DeliveryRetryPolicy": "RetryForever"}, 400), ({"VerifyCertificate": True}, 400),
    ({"VerifyCertificate": False}, 201), ({"Destination": 5}, 400)])
def test_what_can_be_asked_for(bmc, more, status):
    body = dict({"Destination": "https://169.254.1.9/", "Protocol": "Redfish"}, **more)
    answer = bmc.request("POST", SUBSCRIPTIONS, password=PASSWORD, body=body)
    assert answer.status == status, answer.body


def test_who_may(bmc, host):
    assert bmc.enrol(host).status == 201
    body = {"Destination": "https://169.254.1.9/", "Protocol": "Redfish"}
    assert bmc.request("POST", SUBSCRIPTIONS, host, body=body).status == 403
    assert bmc.request("POST", SUBSCRIPTIONS, body=body).status == 401
    statuses = [bmc.request("POST", SUBSCRIPTIONS, password=PASSWORD, body=body).status
                for _ in range(5)]
    assert statuses == [201] * 4 + [400]


def test_never_to_ourselves_nor_by_another_way(link):
    """An own address of the BMC, and one that is reached by another NIC: not one packet."""
    lan = Namespace("lan%d" % os.getpid())
    try:
        ip("link add other0 type veth peer name up0 netns " + lan.name)
        ip("addr add 192.0.2.1/24 dev other0")
        ip("link set other0 up")
        lan.ip("addr add 192.0.2.2/24 dev up0")
        lan.ip("link set up0 up")
        own = socket.create_server(("0.0.0.0", 7443))
        own.setblocking(False)
        with lan.enter():
            other = socket.create_server(("192.0.2.2", 7443))
        other.setblocking(False)
        # The twin: both can be reached from here in the ordinary way.
        for address in ("192.0.2.1", "192.0.2.2", "169.254.1.1"):
            socket.create_connection((address, 7443), 5).close()
        for listening in (own, own, other):
            listening.accept()[0].close()
        for address in ("192.0.2.1", "192.0.2.2", "169.254.1.1"):
            assert link.subscribe("https://%s:7443/" % address).status == 201
        link.bmc.command("notice", "host-reset")
        wait_for(lambda: "192.0.2.1:7443/: it is an address of this BMC" in link.bmc.log()
                 and "169.254.1.1:7443/: it is an address of this BMC" in link.bmc.log()
                 and "192.0.2.2:7443/: " in link.bmc.log(), 30, "three failures")
        for listening in (own, other):
            with pytest.raises(BlockingIOError):
                listening.accept()
        own.close()
        other.close()
    finally:
        subprocess.run(["ip", "link", "del", "other0"], stderr=subprocess.DEVNULL)
        lan.close()


def test_without_a_nic_nothing_is_tried(link):
    """It is no failure of the destination, and does not count; what happened comes afterwards."""
    listener = Listener(link.host, link.certificate)
    assert link.subscribe("https://169.254.1.2:8443/").status == 201
    wait_for(lambda: "ISM1078" in listener.ids(), 10, "the first event")
    ip("link del usb0")
    wait_for(lambda: "waiting for it" in link.bmc.log(), 10, "the NIC is gone")
    assert link.bmc.command("notice", "power", "On").returncode == 0
    assert link.bmc.command("notice", "power", "Off").returncode == 0
    assert "No such device" not in link.bmc.log()
    link.plug()
    wait_for(lambda: listener.ids().count("ISM1072") == 2, 10, "both")
    listener.close()


def test_address_that_comes_during_a_try(link):
    """The NIC has no address yet, another has: what is tried then goes out from the wrong one."""
    listener = Listener(link.host, link.certificate)
    assert link.subscribe("https://169.254.1.2:8443/").status == 201
    try:
        ip("link add other0 type veth peer name other1")
        ip("addr add 192.0.2.1/32 dev other0")
        ip("link set other1 up")
        ip("link set other0 up")
        ip("link del usb0")
        wait_for(lambda: "waiting for it" in link.bmc.log(), 10, "the NIC is gone")
        assert link.bmc.command("notice", "power", "On").returncode == 0
        link.bmc.process.send_signal(signal.SIGSTOP)
        link.plug(address=False)
        link.bmc.process.send_signal(signal.SIGCONT)
        wait_for(lambda: "169.254.1.2:8443" in subprocess.check_output(
            ["ss", "-tnH", "state", "syn-sent"], text=True), 10, "a try")
        ip("addr add 169.254.1.1/16 dev usb0")
        wait_for(lambda: "ISM1072" in listener.ids(), 8, "the event, before the try's deadline")
    finally:
        subprocess.run(["ip", "link", "del", "other0"], stderr=subprocess.DEVNULL)
    listener.close()


def test_nic_that_goes_during_a_delivery(link):
    """The delivery ends with the NIC, and is made anew when it is back, not after its deadline."""
    listener = Listener(link.host, link.certificate)
    listener.hold = threading.Event()
    assert link.subscribe("https://169.254.1.2:8443/").status == 201
    wait_for(lambda: listener.requests, 10, "a delivery that is not answered")
    ip("link del usb0")
    wait_for(lambda: "waiting for it" in link.bmc.log(), 10, "the NIC is gone")
    listener.hold.set()
    link.plug()
    wait_for(lambda: len(listener.requests) > 1, 8, "it is made anew")
    listener.close()


@pytest.mark.parametrize("status", [500, 302])
def test_destination_that_refuses(link, status):
    listener = Listener(link.host, link.certificate)
    listener.status = status
    assert link.subscribe("https://169.254.1.2:8443/").status == 201
    link.bmc.command("notice", "host-reset")
    wait_for(lambda: "it answered with status %d" % status in link.bmc.log(), 10, "the refusal")
    # It waits for its next try, whatever happens meanwhile.
    link.bmc.command("notice", "power", "On")
    assert link.entries("ISM1072")
    assert len(listener.requests) == 1
    assert len(link.members()) == 1
    listener.close()
