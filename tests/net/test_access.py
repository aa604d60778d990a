# SPDX-License-Identifier: Apache-2.0
"""S13 and S17: in-band access. A client in another network reaches the BMC's HTTPS through the
host, by a relay between sockets; and nobody else does, nothing else, and at no other time."""
import hashlib
import json
import os
import signal
import socket
import struct
import threading
import time

import pytest

from access import (ALLOW, CLIENT, CLIENT6, HOST, HOST6, OTHER, OTHER6, PORT, TLS, AccessLab,
                    Server, echo, is_sanitized, sink)
from lab import BMC_IPV4, HOST_IPV4
from netns import wait_for


@pytest.fixture
def lab(tmp_path):
    with AccessLab(tmp_path) as lab:
        yield lab


@pytest.fixture
def echoing(lab):
    """An open relay; behind it a server that says what it hears."""
    lab.connect(max_connections=256, max_connections_per_source=256)
    server = Server(lab.bmc, 8443, echo)
    lab.divert(8443)
    yield lab
    server.close()


def is_refused(lab, address=HOST, source=None):
    """Closed at once, without a byte."""
    try:
        with lab.open(address, source=source) as connection:
            return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def ask(connection, text=TLS):
    connection.sendall(text)
    got = b""
    while len(got) < len(text):
        data = connection.recv(65536)
        if not data:
            break
        got += data
    return got == text


def is_alive(connection):
    try:
        return ask(connection)
    except OSError:
        connection.close()
        return False


def is_ended(connection, timeout=5):
    """By the other side, within the time; what still comes is not looked at."""
    connection.settimeout(timeout)
    try:
        while connection.recv(65536):
            pass
        return True
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


# --- it works -------------------------------------------------------------------------------------

def test_s17_curl_reaches_the_bmc(lab):
    """IPv4 and IPv6 clients, with the BMC's own certificate verified: TLS passes untouched."""
    before = lab.listening()
    forward = lab.host.sysctl("ipv4/ip_forward"), lab.host.sysctl("ipv6/conf/all/forwarding")
    lab.connect()
    assert lab.listening() == sorted(before + ["0.0.0.0:%d" % PORT, "[::]:%d" % PORT])
    for address in (HOST, HOST6):
        out = lab.curl_client(address=address, check=True).stdout
        assert json.loads(out)["RedfishVersion"]
    counts = lab.wait_counts(now=0, total=2, refused=0)
    assert counts["bytes_to_bmc"] > 400 and counts["bytes_from_bmc"] > 1000
    wait_for(lambda: lab.agent.event_ids().count("ISM1212") == 2, 5, "two connections told of")
    event = lab.agent.wait_event("ISM1212")
    assert event["args"][0] == CLIENT6 and float(event["args"][1]) < 20
    assert int(event["args"][2]) > 200 and int(event["args"][3]) > 500
    assert lab.agent.wait_event("ISM1210")["args"] == [ALLOW, BMC_IPV4, str(PORT)]
    # the host has not become a router
    assert (lab.host.sysctl("ipv4/ip_forward"),
            lab.host.sysctl("ipv6/conf/all/forwarding")) == forward
    lab.agent.reload({"InbandAccess": {"enabled": "off"}})
    lab.wait_closed()
    assert lab.listening() == before


def test_with_the_umask_of_its_unit(lab):
    """As systemd starts it: what the monitor makes for the relay is the relay's to enter."""
    before = os.umask(0o077)
    try:
        lab.connect()
    finally:
        os.umask(before)
    assert lab.curl_client().returncode == 0
    assert "ISM1215" not in lab.agent.event_ids()


def test_a_gigabyte_byte_for_byte(lab):
    """SHA-256 over all of it, and the end of the sender's half goes on to the other side."""
    size = (32 if is_sanitized() else 1024) << 20
    digests = []
    lab.connect()
    server = Server(lab.bmc, 8443, sink(digests))
    lab.divert(8443)
    block = os.urandom(1 << 20)
    expected = hashlib.sha256(TLS)
    connection = lab.open(timeout=60)
    connection.sendall(TLS)
    for _ in range(size >> 20):
        connection.sendall(block)
        expected.update(block)
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(100) == b"taken"
    assert connection.recv(100) == b""
    assert digests == [(expected.hexdigest(), size + len(TLS))]
    connection.close()
    counts = lab.wait_counts(now=0, total=1)
    assert counts["bytes_to_bmc"] == size + len(TLS) and counts["bytes_from_bmc"] == 5
    server.close()


def test_two_hundred_connections(echoing):
    lab = echoing
    connections = [lab.open(HOST6 if i % 2 else HOST) for i in range(200)]
    for i, connection in enumerate(connections):
        assert ask(connection, TLS + b"%d" % i)
    lab.wait_counts(now=200, total=200, refused=0)
    for connection in connections:
        connection.close()
    lab.wait_counts(now=0, total=200, refused=0)
    # one a minute, with a count, after the first ones
    assert lab.agent.event_ids().count("ISM1212") <= 5


def test_the_other_side_ends_first(lab):
    """The BMC's end goes on to the client while its own half stays open."""
    said = []

    def handler(connection):
        connection.recv(100)
        connection.sendall(b"goodbye")
        connection.shutdown(socket.SHUT_WR)
        said.append(connection.recv(100))

    lab.connect()
    server = Server(lab.bmc, 8443, handler)
    lab.divert(8443)
    connection = lab.open()
    connection.sendall(TLS)
    assert connection.recv(100) == b"goodbye"
    assert connection.recv(100) == b""
    connection.sendall(b"still here")
    connection.close()
    wait_for(lambda: said == [b"still here"], 5, "the client's last words arrive")
    server.close()


# --- who may come ---------------------------------------------------------------------------------

def test_a_source_that_is_not_allowed(lab):
    lab.connect(allow="%s %s" % (CLIENT, CLIENT6))
    server = Server(lab.bmc, 8443, echo)
    lab.divert(8443)
    for address, allowed, other in ((HOST, CLIENT, OTHER), (HOST6, CLIENT6, OTHER6)):
        assert is_refused(lab, address, other)
        with lab.open(address, source=allowed) as connection:
            assert ask(connection)
    lab.wait_counts(total=2, refused=2, not_allowed=2)
    event = lab.agent.wait_event("ISM1213")
    assert event["args"][:2] == [OTHER6, "its address is not allowed"]
    server.close()


def test_mapped_addresses(lab):
    """IPv4 clients are judged as such, whatever the list looks like."""
    lab.connect(allow="::ffff:192.0.2.2/128")
    assert is_refused(lab, source=OTHER)
    assert lab.curl_client(source=CLIENT).returncode == 0


def test_ipv6_for_all_is_not_ipv4_for_all(lab):
    lab.connect(allow="::/0")
    assert is_refused(lab)
    assert lab.curl_client(address=HOST6).returncode == 0
    assert lab.agent.wait_event("ISM1211")["args"] == ["::/0", str(PORT)]


def test_not_from_the_bmc(lab):
    """Neither by the pass-through NIC nor by another way with its address."""
    lab.connect(allow="0.0.0.0/0 ::/0", endpoint={})
    # the NIC's own filter would hide what is tested here
    lab.agent.reload({"Link": {"nic_filter": "off"}})
    wait_for(lambda: "bmclink_%d" % lab.ifindex not in
             lab.host.run(["nft", "list", "tables"]).stdout, 5, "the filter is gone")
    # the link is not deaf altogether: a port that nobody listens at refuses at once
    with lab.bmc.enter():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST_IPV4, PORT + 1), timeout=3)
        for address in (HOST_IPV4, "%s%%usb0" % lab.host.link_local("bmc0")):
            with pytest.raises(TimeoutError):
                socket.create_connection((address, PORT), timeout=1)
    lab.bmc.ip("route add %s/32 via %s" % (HOST, HOST_IPV4))
    with lab.bmc.enter():
        with pytest.raises(TimeoutError):
            socket.create_connection((HOST, PORT), timeout=1)
    assert lab.connections()["refused"] == 0  # nobody was even listened to
    assert lab.curl_client().returncode == 0


def test_caps(lab):
    lab.connect(max_connections=4, max_connections_per_source=2)
    server = Server(lab.bmc, 8443, echo)
    lab.divert(8443)
    first = [lab.open(source=CLIENT) for _ in range(2)]
    assert all(ask(c) for c in first)
    assert is_refused(lab, source=CLIENT)
    second = [lab.open(HOST6), lab.open(source=OTHER)]
    assert all(ask(c) for c in second)
    assert is_refused(lab, source=OTHER)
    lab.wait_counts(now=4, refused=2, not_allowed=0)
    assert all(ask(c) for c in first + second)  # nobody was thrown out for others
    first.pop().close()
    lab.wait_counts(now=3)
    assert ask(lab.open(source=CLIENT))
    reasons = {e["args"][1] for e in lab.agent.events() if e["id"] == "ISM1213"}
    assert reasons == {"there are too many connections",
                       "there are too many connections from its address"}
    server.close()


# --- hostile clients ------------------------------------------------------------------------------

def test_who_says_nothing_is_let_go(lab):
    lab.connect()
    connection = lab.open()
    began = time.monotonic()
    assert is_ended(connection, 20)
    assert 9 < time.monotonic() - began < 15
    lab.wait_counts(now=0, total=0, refused=1)
    assert lab.agent.wait_event("ISM1213")["args"][1] == "the client said nothing"
    # the BMC was not troubled for it
    assert lab.syn_counts()["ipv4"] > 0
    assert not any("1266" in line for line in lab.endpoint.log().splitlines())


def test_no_client_without_tls_reaches_the_bmc(lab):
    """To the BMC it would look as if the host had no TLS (ISM0050)."""
    lab.connect()
    with lab.open() as connection:
        connection.sendall(b"GET /redfish/v1/ HTTP/1.1\r\nHost: bmc\r\n\r\n")
        assert is_ended(connection)
    lab.wait_counts(total=0, refused=1)
    assert lab.agent.wait_event("ISM1213")["args"][1] == "the client does not speak TLS"
    assert not [e for e in lab.lifecycle_log() if e["MessageId"].endswith("ISM0050")]


def test_idle_connections_end(lab):
    lab.connect(idle_timeout=2)
    server = Server(lab.bmc, 8443, echo)
    lab.divert(8443)
    with lab.open() as idle, lab.open() as busy:
        assert ask(idle) and ask(busy)
        end = time.monotonic() + 3.5
        while time.monotonic() < end:
            assert ask(busy)
            time.sleep(0.3)
        assert is_ended(idle, 1)
        assert ask(busy)
    event = wait_for(lambda: [e for e in lab.agent.events() if e["id"] == "ISM1212"
                              and "nothing was said" in e["args"][4]], 5, "the idle one's end")[0]
    assert 2 <= float(event["args"][1]) < 3.5
    server.close()


def test_who_never_reads_holds_nobody_up(lab):
    """Bounded memory for one that takes nothing; others go on; its time is up."""
    def pour(connection):
        connection.recv(100)
        while True:
            connection.sendall(bytes(65536))

    lab.connect(idle_timeout=3)
    server = Server(lab.bmc, 8443, pour)
    lab.divert(8443)
    lazy = [lab.open() for _ in range(20)]
    for connection in lazy:
        connection.sendall(TLS)
    quick = lab.open()
    quick.sendall(TLS)
    taken, end = 0, time.monotonic() + 1
    while time.monotonic() < end:
        taken += len(quick.recv(1 << 20))
    assert taken > 4 << 20
    relay = lab.relay()
    with open("/proc/%d/status" % relay) as file:
        resident = [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]
    if not is_sanitized():
        assert resident < 16384  # KiB
    quick.close()
    lab.wait_counts(now=0)
    texts = {e["args"][4] for e in lab.agent.events() if e["id"] == "ISM1212"}
    assert "what was said was not taken for too long" in texts
    server.close()


def test_resets_and_slow_ones(echoing):
    """Slowloris, resets at every moment, and a connection that goes on all the while."""
    lab = echoing
    steady = lab.open()
    assert ask(steady)
    slow = [lab.open() for _ in range(30)]
    for i in range(60):
        connection = lab.open(HOST6 if i % 2 else HOST)
        if i % 3:
            connection.sendall(TLS[:1 + i % 5])
        if i % 3 == 2:
            connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        for one in slow:
            one.sendall(TLS[i % 5:i % 5 + 1] if i else TLS[:1])
    assert ask(steady)
    for connection in slow:
        connection.close()
    steady.close()
    lab.wait_counts(now=0)
    relay = lab.relay()
    wait_for(lambda: len(os.listdir("/proc/%d/fd" % relay)) < 10 + 2 * 64, 5,
             "descriptors are back")


def test_a_flood_is_folded_and_costs_no_descriptor(lab):
    lab.connect(allow=CLIENT)
    relay = lab.relay()
    assert is_refused(lab, source=OTHER)  # it is up
    before = len(os.listdir("/proc/%d/fd" % relay))
    for _ in range(299):
        assert is_refused(lab, source=OTHER)
    lab.wait_counts(refused=300, not_allowed=300, now=0)
    assert len(os.listdir("/proc/%d/fd" % relay)) == before
    assert lab.agent.event_ids().count("ISM1213") <= 5
    assert lab.relays() == [relay]


def test_want_of_descriptors_is_no_busy_loop(lab):
    """Nobody is let in beyond the limit; those there go on; and it waits, it does not spin."""
    lab.agent.prefix = ["prlimit", "--nofile=160:160"]
    lab.connect(max_connections=200, max_connections_per_source=200)
    server = Server(lab.bmc, 8443, echo)
    lab.divert(8443)
    relay = lab.relay()
    connections = []
    for _ in range(40):
        try:
            connections.append(lab.open())
            if not ask(connections[-1]):
                connections.pop().close()
        except ConnectionResetError:
            connections = [c for c in connections if is_alive(c)]
    assert 10 < len(connections) < 40
    assert all(is_alive(c) for c in connections)

    def cpu():
        with open("/proc/%d/stat" % relay) as file:
            return sum(int(f) for f in file.read().rsplit(")", 1)[1].split()[11:13])
    before = cpu()
    time.sleep(1)  # the time in which nothing is to be done
    assert cpu() - before <= 5  # of 100 ticks
    for connection in connections:
        connection.close()
    lab.wait_counts(now=0)
    with lab.open() as connection:
        assert ask(connection)
    server.close()


# --- when it is off -------------------------------------------------------------------------------

def test_s13_refused_at_once_over_ipv6_and_back_with_ipv4(lab):
    """IPv4 lost: live connections end, the port is closed, commands say 5; all back with IPv4."""
    before = lab.listening()
    lab.connect()
    server = Server(lab.bmc, 8443, echo)
    lab.divert(8443)
    live = lab.open()
    assert ask(live)
    mark = lab.agent.mark()
    lab.host.ip("-4 addr flush dev bmc0")
    assert is_ended(live)
    lab.agent.wait_connected("ipv6")
    lab.wait_closed("IPv6 only")
    assert lab.listening() == before
    with pytest.raises(ConnectionRefusedError):
        lab.open()
    for words in (("access",), ("access", "status")):
        out = lab.agent.ctl(*words, check=False)
        assert out.returncode == 5 and "IPv6 only" in out.stderr
    out = lab.agent.ctl("--config", lab.agent.config, "access", "enable", "--allow", CLIENT,
                        check=False)
    assert out.returncode == 5 and "IPv6 only" in out.stderr
    lab.agent.wait_event("ISM1012", mark=mark)
    lab.host_configure()
    lab.agent.wait_connected("ipv4", timeout=20)
    lab.wait_open()
    with lab.open() as connection:
        assert ask(connection)
    server.close()


def test_off_in_the_middle(echoing):
    """By the host's switch and by the BMC's: at once, in the middle of a connection."""
    lab = echoing
    live = lab.open()
    assert ask(live)
    lab.agent.reload({"InbandAccess": {"enabled": "off"}})
    assert is_ended(live)
    lab.wait_closed()
    assert lab.agent.wait_event("ISM1212")["args"][4] == "in-band access ended"
    lab.agent.reload({"InbandAccess": {"enabled": "on"}})
    lab.wait_open()
    live = lab.open()
    assert ask(live)
    lab.endpoint.stop()
    assert is_ended(live)
    lab.wait_closed()


def test_narrowed_sources_end_who_is_there(echoing):
    """Another list means another relay: who is not in it any more does not stay."""
    lab = echoing
    relay = lab.relay()
    live = lab.open(source=OTHER)
    assert ask(live)
    lab.agent.reload({"InbandAccess": {"allow": CLIENT}})
    assert is_ended(live)
    wait_for(lambda: lab.relays() not in ([], [relay]), 5, "another relay")
    lab.wait_open()
    assert is_refused(lab, source=OTHER)
    with lab.open(source=CLIENT) as connection:
        assert ask(connection)


def test_a_reload_that_changes_nothing_leaves_it_alone(echoing):
    lab = echoing
    relay = [lab.relay()]
    live = lab.open()
    assert ask(live)
    mark = lab.agent.mark()
    lab.agent.reload()
    lab.agent.wait_event("ISM1030", mark=mark)
    assert lab.agent.status()["features"]["inband-access"]["active"]
    assert ask(live) and lab.relays() == relay


def test_off_without_tls(lab):
    """The host without TLS, or the BMC: AuthNone would be for the clients as well."""
    lab.endpoint.start(tls="off")
    lab.agent.start({"InbandAccess": {"enabled": "on", "allow": ALLOW}})
    lab.agent.wait_connected("ipv4")
    access = lab.wait_closed("no TLS")
    assert not access["active"] and not lab.relays()
    with pytest.raises(ConnectionRefusedError):
        lab.open()


def test_off_without_networks(lab):
    lab.endpoint.start()
    lab.agent.start({"InbandAccess": {"enabled": "on"}})
    lab.agent.wait_connected("ipv4")
    lab.wait_closed("no client may come")
    with pytest.raises(ConnectionRefusedError):
        lab.open()


# --- what goes wrong ------------------------------------------------------------------------------

def test_the_port_is_taken(lab):
    """Said once; taken when it is free again, by itself."""
    with lab.host.enter():
        other = socket.create_server(("0.0.0.0", PORT))
    lab.endpoint.start()
    lab.agent.start({"InbandAccess": {"enabled": "on", "allow": ALLOW}})
    lab.agent.wait_connected("ipv4")
    lab.wait_closed("TCP port 1266: another program listens at it")
    event = lab.agent.wait_event("ISM1214")
    time.sleep(2.5)  # longer than between two tries
    assert lab.agent.wait_event("ISM1214")["count"] == event["count"] == 1
    out = lab.agent.ctl("access", check=False)
    assert out.returncode == 5 and "another program listens" in out.stderr
    other.close()
    lab.wait_open()
    assert lab.curl_client().returncode == 0


def test_a_killed_relay_is_started_again(echoing):
    lab = echoing
    live = lab.open()
    assert ask(live)
    for turn in range(2):
        relay = lab.relay()
        mark = lab.agent.mark()
        os.kill(relay, signal.SIGKILL)
        assert is_ended(live)
        event = lab.agent.wait_event("ISM1215", mark=mark)
        assert "signal 9" in event["args"][0]
        assert int(event["args"][1]) == 200 << turn  # waits longer each time
        wait_for(lambda: lab.relays() not in ([], [relay]), 5, "another relay")
        lab.wait_open()
        live = lab.open()
        assert ask(live)
    assert lab.wait_counts(now=1)["total"] == 3  # the count is the daemon's


def test_it_ends_with_the_worker_and_with_the_monitor(echoing):
    lab = echoing
    live = lab.open()
    assert ask(live)
    relay = lab.relay()
    worker, = [pid for pid in lab.agent.children() if pid != relay]
    os.kill(worker, signal.SIGKILL)
    assert is_ended(live)
    lab.agent.wait_connected("ipv4", timeout=20)
    lab.wait_open()
    live = lab.open()
    assert ask(live)
    relay = lab.relay()
    os.kill(lab.agent.pid, signal.SIGKILL)
    lab.agent.expected_end = True
    assert is_ended(live)
    wait_for(lambda: not os.path.exists("/proc/%d" % relay), 5, "the relay is gone")
    lab.agent._reap(5)
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    lab.wait_open()
    with lab.open() as connection:
        assert ask(connection)


def test_the_bmc_does_not_answer(echoing):
    """A port that is refused for relayed clients only: said, and no connection hangs."""
    lab = echoing
    lab.divert(8444)  # nobody is there
    with lab.open() as connection:
        connection.sendall(TLS)
        assert is_ended(connection)
    lab.wait_counts(now=0, refused=1)
    assert lab.agent.wait_event("ISM1213")["args"][1] == "the BMC did not take the connection"


def test_the_relay_has_no_privilege(echoing):
    lab = echoing
    with lab.open() as connection:
        assert ask(connection)  # it has closed its sandbox
    relay = lab.relay()
    with open("/proc/%d/status" % relay) as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert int(status["Uid"].split()[0]) != 0 and status["Groups"].strip() == ""
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd"):
        assert int(status[name], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert os.readlink("/proc/%d/root" % relay).endswith(" (deleted)")
    assert os.listdir("/proc/%d/root" % relay) == []
    kinds = [os.readlink("/proc/%d/fd/%s" % (relay, fd)).split(":")[0]
             for fd in os.listdir("/proc/%d/fd" % relay)]
    # the log, two listeners, the monitor, epoll; nothing of the worker's or the monitor's own
    assert kinds.count("socket") <= 5 and "control" not in " ".join(kinds)


# --- what relayed clients get, and do not get, at the BMC -----------------------------------------

def test_a_relayed_client_cannot_enrol(lab):
    """The BMC's window is open for the host: its address alone is not enough."""
    lab.connect()
    endpoint = ["--config", lab.endpoint.config, "--state-dir", lab.endpoint.state_dir,
                "--runtime-dir", lab.endpoint.runtime_dir]
    from daemons import program
    lab.bmc.run([program("bmclink-endpoint"), *endpoint, "trust", "open"])
    key, certificate = lab.folder + "/x.key", lab.folder + "/x.crt"
    lab.client.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                    "-subj", "/CN=stranger", "-days", "3"])
    with open(certificate) as file:
        body = json.dumps({"CertificateString": file.read(), "CertificateType": "PEM"})
    options = ["--cert", certificate, "--key", key, "-w", "\n%{http_code}", "-d", body,
               "-H", "Content-Type: application/json"]
    path = "/redfish/v1/AccountService/Accounts/host/Certificates"
    code = lab.curl_client(path, options=options).stdout.rpartition("\n")[2]
    assert code in ("401", "403")
    # the twin: the same from the host itself is what the window is for
    code = lab.host.run(["curl", "-sk", "--interface", "bmc0", *options,
                         "https://%s%s" % (BMC_IPV4, path)]).stdout.rpartition("\n")[2]
    assert code == "201"


def test_wrong_passwords_lock_out_nobody_else(lab):
    """A remote client that guesses: its own log-ins are locked, not the host's, nor its channel."""
    lab.connect()
    from daemons import program
    lab.bmc.run([program("bmclink-endpoint"), "--config", lab.endpoint.config, "--state-dir",
                 lab.endpoint.state_dir, "--runtime-dir", lab.endpoint.runtime_dir, "passwd"],
                text_input="correct horse battery\n")
    mark = lab.agent.mark()

    def code(run, password):
        return run(["-u", "admin:" + password, "-o", "/dev/null", "-w", "%{http_code}"])

    def remote(options):
        return lab.curl_client("/redfish/v1/Systems", options=options).stdout

    def local(options):
        return lab.host.run(["curl", "-sk", "--interface", "bmc0", *options,
                             "https://%s/redfish/v1/Systems" % BMC_IPV4]).stdout

    codes = [code(remote, "guess %d" % i) for i in range(12)]
    assert codes[0] == "401" and codes[-1] == "429"
    assert code(remote, "correct horse battery") == "429"
    assert code(local, "correct horse battery") == "200"
    assert lab.curl("/redfish/v1/Systems")[0] == 200  # with the agent's own certificate
    assert "ISM0057" not in lab.agent.event_ids(mark) and lab.access()["active"]
    assert lab.agent.status()["state"] == "connected"


def test_relayed_connections_do_not_starve_the_agent(lab):
    """Strangers hold all the places that the BMC gives to one source: the agent finds its own."""
    lab.connect(endpoint={"max_connections": 16}, max_connections=64,
                max_connections_per_source=64)
    stop = threading.Event()
    held = []

    def press():
        while not stop.is_set():
            try:
                connection = lab.open()
                connection.sendall(TLS)
                held.append(connection)
                if len(held) > 40:
                    held.pop(0).close()
            except OSError:
                time.sleep(0.01)

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(held) > 20, 10, "the flood is there")
        # the agent's own connection is lost, and made again under the flood, each time
        for _ in range(3):
            mark = lab.agent.mark()
            lab.host.ip("link set bmc0 down")
            lab.agent.wait(lambda s: s["state"] != "connected")
            lab.host.ip("link set bmc0 up")
            lab.agent.wait_connected("ipv4", timeout=15)
            lab.wait_open()
        assert "ISM1016" not in lab.agent.event_ids(mark)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for connection in held:
            connection.close()


# --- the command line -----------------------------------------------------------------------------

FIREWALLD = """drop
  target: DROP
  services:
  ports:

public (default, active)
  target: default
  interfaces: lan0
  services: dhcpv6-client ssh%s
  ports: %s
"""
UFW = """Status: active
Logging: on (low)
Default: deny (incoming), allow (outgoing), disabled (routed)

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW IN    Anywhere
%s"""


def enable(lab, *words):
    return lab.agent.ctl("--config", lab.agent.config, "access", "enable", *words, check=False)


def dropin(lab):
    path = os.path.join(lab.agent.config + ".d", "60-inband-access.conf")
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def test_enable_and_disable(lab):
    before = lab.listening()
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    out = enable(lab, "--port", "4443", "--allow", CLIENT, "2001:db8::/64", "--allow", OTHER)
    assert out.returncode == 0, out.stderr
    assert "enabled = on" in dropin(lab) and "port = 4443" in dropin(lab)
    assert "allow = 192.0.2.2 2001:db8::/64 192.0.2.3\n" in dropin(lab) \
        or "allow = 192.0.2.2 192.0.2.3 2001:db8::/64\n" in dropin(lab)
    assert lab.listening() == sorted(before + ["0.0.0.0:4443", "[::]:4443"])
    out = lab.agent.ctl("access", "status")
    for text in ("4443", "0 now, 0 in all", "Firewall"):
        assert text in out.stdout
    assert json.loads(lab.agent.ctl("access", "--json").stdout)["firewall"]["port"] == "open"
    # again, while our own relay has the port; and the port stays as it was said
    assert enable(lab, "--allow", CLIENT).returncode == 0
    assert "port = 4443" in dropin(lab)
    assert lab.listening() == sorted(before + ["0.0.0.0:4443", "[::]:4443"])
    out = lab.agent.ctl("--config", lab.agent.config, "access", "disable")
    assert "off" in out.stdout
    lab.wait_closed()
    assert lab.listening() == before


@pytest.mark.parametrize("bmc", ["was never there", "went away", "does not answer"])
def test_enable_while_the_bmc_is_gone(lab, bmc):
    """The reason and exit 5; the switch is kept, and nothing is on the host that others could see
    until the BMC is back."""
    if bmc != "was never there":
        lab.endpoint.start()
    lab.agent.start(ipv6="off")
    if bmc == "was never there":
        wait_for(lambda: lab.syn_counts()["ipv4"], 20, "an attempt")
    else:
        lab.agent.wait_connected("ipv4")
    before = lab.listening()
    if bmc == "went away":
        lab.endpoint.stop()
    elif bmc == "does not answer":
        lab.silence_ipv4()
    lab.agent.wait_state("connecting", timeout=60)
    rules = lab.host.run(["nft", "list", "ruleset"]).stdout
    out = enable(lab, "--allow", CLIENT)
    assert out.returncode == 5 and out.stdout == "", out
    assert "not at work: there is no communication with the BMC" in out.stderr
    assert lab.listening() == before and not lab.relays()
    assert lab.host.run(["nft", "list", "ruleset"]).stdout == rules
    with pytest.raises(ConnectionRefusedError):
        lab.open()
    assert "enabled = on" in dropin(lab) and "ISM1210" not in lab.agent.event_ids()
    if bmc == "does not answer":
        lab.clear_faults()
    else:
        lab.endpoint.start()
    lab.wait_open(60)
    assert lab.curl_client().returncode == 0
    assert lab.agent.wait_event("ISM1210")["args"][0] == CLIENT


def test_the_report_knows_the_port(lab):
    lab.connect()
    assert lab.curl_client().returncode == 0  # the relay has taken its sockets over

    def ports():
        out = lab.agent.ctl("--config", lab.agent.config, "--state-dir", lab.agent.state_dir,
                            "report", "--json", check=False)
        section, = [s for s in json.loads(out.stdout)["sections"] if s["name"] == "sockets"]
        return [i for i in section["items"] if "port" in i["what"]]
    found = ports()
    assert [i["what"] for i in found] == ["tcp port %d" % PORT, "tcp6 port %d" % PORT]
    assert {i["state"] for i in found} == {"as-recorded"}
    # its twin: a configuration that does not know of it
    lab.agent.configure({"InbandAccess": {"port": PORT + 1}})
    assert {i["state"] for i in ports()} == {"changed"}


def test_everybody_must_be_said(lab):
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    out = enable(lab, "--allow", "0.0.0.0/0")
    assert out.returncode == 0 and "warning: every address may come" in out.stderr
    lab.agent.wait_event("ISM1211")


@pytest.mark.parametrize("words, code, text", [
    ((), 2, "--allow is missing"),
    (("--port", "1266"), 2, "--allow is missing"),
    (("--allow", "192.0.2.0/33"), 2, "found '192.0.2.0/33'"),
    (("--allow", "192.0.2.1/24"), 2, "beyond its prefix"),
    (("--allow", "example.com"), 2, "found 'example.com'"),
    (("--allow", ""), 2, "expected networks"),
    (("--allow", CLIENT, "nonsense"), 2, "found 'nonsense'"),
    (("--allow", CLIENT, "--port", "0"), 2, "from 1024 to 65535"),
    (("--allow", CLIENT, "--port", "443"), 2, "from 1024 to 65535"),
    (("--allow", CLIENT, "--port", "65536"), 2, "from 1024 to 65535"),
    (("--allow", CLIENT, "--port", "1266x"), 2, "from 1024 to 65535"),
    (("--allow", CLIENT, "--port", "5555"), 1, "another program listens at it"),
    (("--allow", CLIENT, "--port", "5556"), 1, "another program listens at it"),
    (("--allow", *["10.0.%d.0/24" % i for i in range(33)]), 2, "at most 32"),
], ids=str)
def test_what_is_refused_changes_nothing(lab, words, code, text):
    lab.agent.start()
    before = lab.listening()
    with lab.host.enter():
        other = socket.create_server(("0.0.0.0", 5555))
        other6 = socket.create_server(("::", 5556), family=socket.AF_INET6)
    out = enable(lab, *words)
    assert out.returncode == code and text in out.stderr, out.stderr
    assert dropin(lab) is None
    other.close()
    other6.close()
    assert lab.listening() == before and not lab.relays()


def test_switched_off_at_the_bmc(echoing):
    """The BMC's administrator ends it: at once, in the middle of a connection."""
    lab = echoing
    live = lab.open()
    assert ask(live)
    from daemons import program
    lab.bmc.run([program("bmclink-endpoint"), "--config", lab.endpoint.config, "--state-dir",
                 lab.endpoint.state_dir, "--runtime-dir", lab.endpoint.runtime_dir, "passwd"],
                text_input="correct horse battery\n")
    module = "https://%s/redfish/v1/Managers/bmc/Oem/Bmclink/ServiceModule" % BMC_IPV4

    def switch(on):
        lab.host.run(["curl", "-ksS", "--fail", "--interface", "bmc0", "-X", "PATCH", "-u",
                      "admin:correct horse battery", "-H", "Content-Type: application/json", "-d",
                      json.dumps({"InbandAccess": {"Enabled": on}}), module])
    switch(False)
    assert is_ended(live)
    lab.wait_closed("BMC")
    switch(True)
    lab.wait_open()
    with lab.open() as connection:
        assert ask(connection)


@pytest.mark.parametrize("programs, answer", [
    ({"firewall-cmd": FIREWALLD % ("", "")}, "closed"),
    ({"firewall-cmd": FIREWALLD % (" bmclink-access", "")}, "open"),
    ({"firewall-cmd": FIREWALLD % ("", "80/tcp 1200-1300/tcp")}, "open"),
    ({"firewall-cmd": FIREWALLD % ("", "1266/udp 12660/tcp")}, "closed"),
    ({"ufw": UFW % ""}, "closed"),
    ({"ufw": UFW % "bmclink-access             ALLOW IN    192.0.2.0/24\n"}, "open"),
    ({"ufw": UFW % "1266/tcp (v6)              ALLOW IN    Anywhere (v6)\n"}, "open"),
    ({"ufw": UFW % "1266/tcp                   DENY IN     Anywhere\n"}, "closed"),
    ({"ufw": "Status: inactive\n"}, "open"),
    ({}, "open"),
], ids=str)
def test_what_the_firewall_looks_like(lab, programs, answer):
    folder = os.path.join(lab.folder, "programs")
    os.mkdir(folder)
    for name in ("firewall-cmd", "ufw"):  # what this machine has is not asked
        with open(os.path.join(folder, name), "w") as file:
            if name in programs:
                file.write("#!/bin/sh\ncat <<'END'\n%sEND\n" % programs[name])
            else:
                file.write("#!/bin/sh\nexit 252\n")
        os.chmod(os.path.join(folder, name), 0o755)
    lab.connect()
    out = lab.agent.ctl("--program-dir", folder, "access", "status", "--json")
    assert json.loads(out.stdout)["firewall"]["port"] == answer
    out = lab.agent.ctl("--program-dir", folder, "access")
    assert ("the port looks closed" in " ".join(out.stdout.split())) == (answer == "closed")


@pytest.mark.parametrize("rules, answer", [
    ("chain in { type filter hook input priority 0; policy drop; }", "closed"),
    ("chain in { type filter hook input priority 0; policy drop; tcp dport 1266 accept; }", "open"),
    ("chain in { type filter hook input priority 0; policy drop; tcp dport { 22, 1000-2000 } "
     "accept; }", "open"),
    ("chain in { type filter hook input priority 0; policy drop; tcp dport { 22, 80 } accept; }",
     "closed"),
    ("set ours { type inet_service; elements = { 1266 } }\n chain in { type filter hook input "
     "priority 0; policy drop; tcp dport @ours accept; }", "open"),
    ("chain in { type filter hook input priority 0; ip saddr 10.0.0.1 drop; }", "open"),
    ("chain in { type filter hook input priority 0; tcp dport 22 accept; counter drop; }",
     "closed"),
    ("chain other { tcp dport 22 accept; drop; }", "open"),
], ids=str)
def test_what_nftables_looks_like(lab, rules, answer):
    """The real nft, and the real kernel."""
    lab.connect()
    folder = os.path.join(lab.folder, "programs")
    os.mkdir(folder)
    for name in ("firewall-cmd", "ufw"):
        with open(os.path.join(folder, name), "w") as file:
            file.write("#!/bin/sh\nexit 252\n")
        os.chmod(os.path.join(folder, name), 0o755)
    lab.host.nft("table inet administrator {\n %s\n}\n" % rules)
    out = lab.agent.ctl("--program-dir", folder, "access", "status", "--json")
    assert json.loads(out.stdout)["firewall"]["port"] == answer


@pytest.mark.parametrize("modes, reason", [
    (["BasicAuth", "RedfishSessionAuth"], None),
    (["AuthNone", "BasicAuth"], "without a credential (AuthNone), and"),
    (None, "has not said whether"),
], ids=str)
def test_a_bmc_that_lets_its_host_in_without_a_credential(make_lab, modes, reason):
    """A scripted BMC of another make: its clients would be the host. Who does not say is not
    believed."""
    from test_vendors import STAGES, settled
    stage = STAGES["idrac9"](make_lab)
    bmc, resources = stage.bmc, stage.bmc.resources
    interfaces = bmc.manager + "/HostInterfaces"

    def with_interfaces():
        table = resources()
        if modes is not None:
            table[bmc.manager]["HostInterfaces"] = {"@odata.id": interfaces}
            table[interfaces] = {"Members": [{"@odata.id": interfaces + "/1"}]}
            table[interfaces + "/1"] = {"AuthenticationModes": modes}
        return table
    bmc.resources = with_interfaces
    agent = stage.start(sections={"InbandAccess": {"enabled": "on", "allow": ALLOW}})
    agent.wait(settled, 15, "connected")

    def access():
        return agent.status()["features"]["inband-access"]
    if reason is None:
        wait_for(lambda: access()["active"], 10, "in-band access is open")
    else:
        wait_for(lambda: reason in (access()["reason"] or ""), 10, reason)
    listening = stage.lab.host.run(["ss", "-Hltn", "sport = :%d" % PORT]).stdout
    assert bool(listening.strip()) == (reason is None)
