# SPDX-License-Identifier: Apache-2.0
"""Rendering and exit codes of bmclinkctl; what the daemon says is the fake's script."""
import copy
import json
import os
import pty
import re
import shutil
import subprocess
import tempfile
import time

import pytest

from conftest import CTL, run_ctl

FINGERPRINT = ":".join("%02x" % n for n in range(32))

CONNECTED = {
    "state": "connected", "since": "2025-11-22T16:40:02Z", "interface": "bmc0",
    "protocol": "ipv4", "local_address": "169.254.1.2", "bmc_address": "169.254.1.1",
    "encrypted": True, "tls_version": "TLS 1.3", "tls_cipher": "TLS_AES_256_GCM_SHA384",
    "bmc_fingerprint": FINGERPRINT,
    "bmc": {"vendor": "Contoso", "model": "Model 7", "firmware_version": "3.30.30.30"},
    "reason": None, "mend": None, "configured_once": True, "previous": None,
    "features": {
        "inband-access": {"enabled": False, "available": True, "reason": None},
        "local-names": {"enabled": True, "available": True, "reason": None}},
    "version": "0.1.0"}

INCOMPLETE = {
    "state": "incomplete-configuration", "since": "2025-11-22T16:40:02Z", "interface": "bmc0",
    "protocol": None, "local_address": None, "bmc_address": None, "encrypted": None,
    "tls_version": None, "tls_cipher": None, "bmc_fingerprint": None, "bmc": None,
    "reason": {"id": "ISM0057", "text": "IPv4 has no address on bmc0, and the one-time "
               "configuration is spent"},
    "mend": "ip address add 169.254.1.2 peer 169.254.1.1/32 scope link dev bmc0",
    "configured_once": True,
    "previous": {"bmc_address": "169.254.1.1", "reason": "the host's address went away",
                 "ended": "2025-11-22T16:39:59Z"},
    "features": {"inband-access": {"enabled": True, "available": False,
                                   "reason": "there is no communication with the BMC"}}}

EVENT = {"sequence": 7, "time": "2025-11-22T16:40:02.123Z", "last": "2025-11-22T16:40:02.123Z",
         "id": "ISM0004", "severity": "OK", "count": 1, "args": ["IPv4"], "resolution": "None.",
         "text": "Communication with the BMC has started over IPv4 (host 169.254.1.2, BMC "
                 "169.254.1.1, TLS 1.3)."}


def changed(original, **changes):
    return dict(copy.deepcopy(original), **changes)


def assert_fits(text):
    too_long = [line for line in text.splitlines() if len(line) > 80]
    assert not too_long, too_long


# --- status ---------------------------------------------------------------------------------------

def test_status_connected(daemon, ctl):
    daemon.answer("status", {"result": CONNECTED})
    done = ctl("status")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == """\
State           connected since 2025-11-22 16:40:02
Interface       bmc0
Protocol        IPv4, host 169.254.1.2, BMC 169.254.1.1
Encryption      TLS 1.3, TLS_AES_256_GCM_SHA384
Fingerprint     00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:
                10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f
BMC             Contoso, Model 7, firmware 3.30.30.30
Configured      yes: the one-time configuration is spent
Features
  inband-access off  available
  local-names   on   available
"""
    assert_fits(done.stdout)


def test_status_not_connected(daemon, ctl):
    daemon.answer("status", {"result": INCOMPLETE})
    done = ctl("status")
    assert done.returncode == 3
    assert_fits(done.stdout)
    joined = " ".join(done.stdout.split())
    assert "the one-time configuration is spent (ISM0057)" in joined
    assert "To mend it ip address add 169.254.1.2 peer 169.254.1.1/32 scope link dev bmc0" in joined
    assert "ended 2025-11-22 16:39:59: the host's address went away" in joined
    assert "inband-access on unavailable: there is no communication with the BMC" in joined
    assert "Encryption" not in done.stdout


def test_status_plain_channel_says_so(daemon, ctl):
    daemon.answer("status", {"result": changed(CONNECTED, encrypted=False, tls_version=None,
                                               tls_cipher=None, bmc_fingerprint=None)})
    done = ctl("status")
    assert done.returncode == 0
    assert "Encryption      none: this BMC has no TLS" in done.stdout


@pytest.mark.parametrize("state", ["no-interface", "incomplete-configuration", "connecting",
                                   "refused", "stopped"])
def test_status_exit_code_of_every_other_state(daemon, ctl, state):
    daemon.answer("status", {"result": changed(INCOMPLETE, state=state)})
    for arguments in (["status"], ["status", "--json"]):
        assert ctl(*arguments).returncode == 3


def test_status_json_is_the_daemons_object(daemon, ctl):
    status = changed(CONNECTED, addition={"later": [1, 2.5, "é"]})
    daemon.answer("status", {"result": status})
    done = ctl("status", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == status
    assert list(json.loads(done.stdout)) == list(status)  # in its order, too


def test_status_of_a_daemon_that_says_little(daemon, ctl):
    """Members missing, of other types, null: printed as far as it goes, no crash."""
    for status in ({}, {"state": 3}, {"state": "connected", "features": [], "bmc": "x",
                                      "reason": "text", "previous": [], "encrypted": "yes"}):
        daemon.answer("status", {"result": status})
        done = ctl("status")
        assert done.returncode in (0, 3) and "State" in done.stdout, done


def test_status_watch(daemon, ctl):
    daemon.answer("status", {"result": INCOMPLETE}, {"result": CONNECTED}, None)
    done = ctl("status", "--watch")
    assert daemon.requests == [{"command": "status", "watch": True}]
    assert done.returncode == 4 and "ended the connection" in done.stderr
    assert_fits(done.stdout)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("2025-11-22 16:40:02  incomplete-configuration: IPv4 has no")
    assert lines[-2:] == ["2025-11-22 16:40:02  connected over IPv4, host 169.254.1.2, BMC "
                          "169.254.1.1, TLS", "                     1.3"]


def test_status_watch_json_is_a_line_each(daemon, ctl):
    daemon.answer("status", {"result": INCOMPLETE}, {"result": CONNECTED}, None)
    lines = ctl("status", "--watch", "--json").stdout.splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["incomplete-configuration",
                                                             "connected"]


# --- hostile text, width, colour ------------------------------------------------------------------

HOSTILE = "evil\x1b[31m\x9b2J\r\n\x7f\u202egnp.exe\u2028" + "x" * 29 + "\u00e9" * 150


def test_hostile_text_is_harmless(daemon, ctl):
    status = changed(CONNECTED, interface=HOSTILE, state=HOSTILE, protocol=HOSTILE,
                     bmc_address=HOSTILE, tls_cipher=HOSTILE, bmc_fingerprint=HOSTILE,
                     mend=HOSTILE, reason={"id": HOSTILE, "text": HOSTILE},
                     bmc={"vendor": HOSTILE, "model": HOSTILE, "firmware_version": HOSTILE},
                     features={HOSTILE: {
                         "enabled": True, "available": False, "reason": HOSTILE}})
    daemon.answer("status", {"result": status})
    daemon.answer("events", {"event": changed(EVENT, text=HOSTILE, id=HOSTILE, time=HOSTILE)},
                  {"result": {}})
    for arguments in (["status"], ["status", "--json"], ["events"], ["events", "--json"]):
        done = ctl(*arguments)
        assert done.stdout
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", done.stdout), arguments


def test_error_text_is_harmless(daemon, ctl):
    daemon.answer("status", {"error": {"exit": 1, "text": HOSTILE}})
    done = ctl("status")
    assert done.returncode == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", done.stderr)


def test_long_values_are_wrapped(daemon, ctl):
    text = "word " * 60 + "y" * 200 + " " + "é" * 100
    daemon.answer("status", {"result": changed(INCOMPLETE, reason={"id": "ISM1", "text": text})})
    done = ctl("status")
    assert_fits(done.stdout)
    reason = done.stdout.split("Reason", 1)[1].split("To mend it")[0]
    assert "".join(reason.split()) == "".join(text.split()) + "(ISM1)"


def on_terminal(*arguments, **environment):
    """What bmclinkctl prints on a terminal."""
    master, slave = pty.openpty()
    env = dict(os.environ, TZ="UTC", TERM="xterm")
    env.pop("NO_COLOR", None)
    env.update(environment)
    subprocess.run([CTL] + list(arguments), stdin=subprocess.DEVNULL, stdout=slave,
                   stderr=subprocess.DEVNULL, env=env, timeout=30)
    os.close(slave)
    out = b""
    try:
        while True:
            chunk = os.read(master, 65536)
            if not chunk:
                break
            out += chunk
    except OSError:
        pass
    os.close(master)
    return out.decode()


def test_colour_on_a_terminal_only(daemon, ctl):
    daemon.answer("status", {"result": CONNECTED})
    arguments = ["--runtime-dir", daemon.folder, "status"]
    assert "\x1b[32mconnected" in on_terminal(*arguments)
    assert "\x1b" not in on_terminal(*arguments, NO_COLOR="1")
    assert "\x1b" not in on_terminal(*arguments, TERM="dumb")
    assert "\x1b" not in on_terminal(*arguments, "--json")
    assert "\x1b" not in ctl("status").stdout


# --- events ---------------------------------------------------------------------------------------

def test_events(daemon, ctl):
    daemon.answer("events", {"event": EVENT}, {"event": changed(EVENT, sequence=8, count=12,
                  last="2025-11-22T17:00:00.000Z")}, {"result": {}})
    done = ctl("events")
    assert done.returncode == 0
    assert daemon.requests == [{"command": "events"}]
    assert done.stdout == """\
2025-11-22 16:40:02  ISM0004   Communication with the BMC has started over IPv4
                               (host 169.254.1.2, BMC 169.254.1.1, TLS 1.3).
2025-11-22 17:00:00  ISM0004   Communication with the BMC has started over IPv4
                               (host 169.254.1.2, BMC 169.254.1.1, TLS 1.3). (12
                               times since 2025-11-22 16:40:02)
"""


def test_events_stand_where_they_last_happened(daemon, ctl):
    """A link that flaps: the last line of the list is what happened last."""
    def event(sequence, id, last):
        return {"event": changed(EVENT, sequence=sequence, id=id, count=9,
                                 last="2025-11-22T16:%s.000Z" % last)}
    daemon.answer("events", event(1, "ISM1", "50:01"), event(2, "ISM2", "50:03"),
                  event(3, "ISM3", "50:02"), event(4, "ISM4", "50:02"), {"result": {}})
    assert re.findall("ISM[0-9]", ctl("events").stdout) == ["ISM1", "ISM3", "ISM4", "ISM2"]
    # JSON is in the daemon's order.
    assert re.findall("ISM[0-9]", ctl("events", "--json").stdout) == [
        "ISM1", "ISM2", "ISM3", "ISM4"]


def test_events_json_is_a_line_each(daemon, ctl):
    daemon.answer("events", {"event": EVENT}, {"event": changed(EVENT, sequence=8)},
                  {"result": {}})
    done = ctl("events", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        EVENT, changed(EVENT, sequence=8)]


@pytest.mark.parametrize("options", [["--json"], []])
def test_events_follow(daemon, ctl, options):
    def answer(request):
        if not request.get("follow"):
            return [{"event": EVENT}, {"result": {}}]
        return [{"event": changed(EVENT, sequence=8)}, {"dropped": 90},
                {"event": changed(EVENT, sequence=99)}, None]
    daemon.script["events"] = answer
    done = ctl("events", "-f", *options)
    assert daemon.requests == [{"command": "events"},
                               {"command": "events", "follow": True, "after": 7}]
    assert done.stdout.count("ISM0004") == 3
    assert "90 events went by" in done.stderr
    assert done.returncode == 4  # the daemon went away while we followed


def test_events_none(daemon, ctl):
    daemon.answer("events", {"result": {}})
    done = ctl("events")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- discover -------------------------------------------------------------------------------------

NIC = {"ifindex": 7, "name": "enx020000000002", "mac": "02:00:00:00:00:02", "bus": "usb",
       "ids": "413c:a102", "known_as": "Dell iDRAC", "udev_ready": True}

FOUND = {
    "plan": {"found": True, "nic": NIC, "nic_source": "smbios", "others": 1,
             "ipv4": {"source": "smbios", "host_is_ours": True, "candidates": [
                 {"bmc": "169.254.2.2", "host": "169.254.2.3"},
                 {"bmc": "169.254.0.1", "host": "169.254.0.2"}]},
             "ipv6": {"source": "none", "bmc": None, "host": None, "host_prefix": None},
             "port": 443, "plain_port": 80, "refused_addresses": 0, "hostname": "idrac.local"},
    "records": [{"handle": "0x002a", "device": "usb-v2", "ids": "413c:a102", "used": True,
                 "host": {"assignment": "static", "address": "169.254.2.3"},
                 "service": {"assignment": "static", "address": "169.254.2.2"}, "port": 443}],
    "nics": [NIC]}


def test_discover(daemon, ctl):
    daemon.answer("discover", {"result": FOUND})
    done = ctl("discover")
    assert done.returncode == 0 and done.stderr == ""
    assert_fits(done.stdout)
    assert done.stdout.startswith("""\
NIC             enx020000000002 (smbios)
                1 more fit as well: name the right one with 'interface'
IPv4            BMC 169.254.2.2, host 169.254.2.3 (smbios)
  or            BMC 169.254.0.1, host 169.254.0.2 (smbios)
""")
    assert "  0x002a        usb-v2 413c:a102, used\n" in done.stdout
    assert json.loads(ctl("discover", "--json").stdout) == FOUND


def test_discover_nothing_found(daemon, ctl):
    daemon.answer("discover", {"result": {
        "plan": {"found": False, "why_not": "no NIC has a known USB id"}, "records": [],
        "nics": []}})
    done = ctl("discover")
    assert "NIC             not found: no NIC has a known USB id\n" == done.stdout


def test_discover_hostile(daemon, ctl):
    nic = changed(NIC, name=HOSTILE, bus=HOSTILE, ids=HOSTILE, known_as=HOSTILE)
    plan = changed(FOUND["plan"], nic=nic, nic_source=HOSTILE, hostname=HOSTILE)
    for found in (changed(FOUND, plan=plan, nics=[nic]), {}, {"plan": [], "nics": {}}):
        daemon.answer("discover", {"result": found})
        done = ctl("discover")
        assert done.returncode == 0
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", done.stdout)


# --- the daemon fails -----------------------------------------------------------------------------

def test_no_daemon(tmp_path):
    done = run_ctl("--runtime-dir", str(tmp_path), "status")
    assert done.returncode == 4
    assert "systemctl start bmclinkd" in done.stderr and done.stdout == ""


def test_dead_socket(daemon, ctl):
    daemon.stop()
    os.unlink(daemon.path)
    import socket
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(daemon.path)  # nobody listens
    assert ctl("status").returncode == 4
    dead.close()
    assert ctl("events").returncode == 4


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_no_permission_is_not_called_not_running(daemon, tmp_path):
    os.chmod(daemon.path, 0o600)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        if folder != folder.parent and str(folder) != "/tmp":
            os.chmod(folder, 0o755)
    os.chmod(daemon.folder, 0o755)
    with tempfile.TemporaryDirectory() as folder:  # the build may be in a place for root only
        os.chmod(folder, 0o755)
        command = [shutil.copy(CTL, folder), "--runtime-dir", daemon.folder, "status"]
        done = subprocess.run(command, user=65534, group=65534, extra_groups=[],
                              capture_output=True, text=True)
    assert done.returncode == 1
    assert "no permission" in done.stderr and "bmclink" in done.stderr


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_the_daemons_exit_code(daemon, ctl, code):
    daemon.answer("reconfigure", {"error": {"exit": code, "text": "because"}})
    done = ctl("reconfigure")
    assert (done.returncode, done.stderr, done.stdout) == (code, "bmclinkctl: because\n", "")


@pytest.mark.parametrize("line", [
    b"no json\n", b"[]\n", b"{}\n", b"{\"result\": 7}\n", b"{\"result\": {}\n", b"\n", b"\xff\n",
    b"{\"error\": {}}\n", b"{\"error\": 7}\n", b"{\"error\": {\"exit\": 0, \"text\": \"x\"}}\n",
    b"{\"error\": {\"exit\": 99}}\n", b"x" * 70000])
def test_broken_answers_are_failures(daemon, ctl, line):
    daemon.answer("reconfigure", line, None)
    daemon.answer("status", line, None)
    done = ctl("reconfigure")
    assert done.returncode == 1 and done.stderr and done.stdout == ""
    assert ctl("status", "--json").returncode == 1


def test_a_byte_now_and_then_is_no_answer(daemon, ctl):
    """The removal of the package waits for an answer of a worker that may be anybody's."""
    def dribble(request):
        while time.monotonic() < begin + 50:
            time.sleep(0.1)
            yield b" "

    begin = time.monotonic()
    daemon.script["reconfigure"] = dribble
    done = ctl("reconfigure")  # which has 30 s, and takes 20
    assert done.returncode == 1 and "timed out" in done.stderr


def test_daemon_ends_in_the_middle(daemon, ctl):
    daemon.answer("reconfigure", None)
    assert ctl("reconfigure").returncode == 4


def test_unwritable_output(daemon):
    daemon.answer("status", {"result": CONNECTED})
    with open("/dev/full", "w") as full:
        done = run_ctl("--runtime-dir", daemon.folder, "status", stdout=full)
    assert done.returncode == 1 and "could not be written" in done.stderr


# --- trust, certificate, reconfigure --------------------------------------------------------------

def test_trust_show(daemon, ctl):
    trust = {"trust": "first-use", "pinned": True, "pin": FINGERPRINT,
             "pinned_at": "2025-11-22T16:40:02Z", "window_open": False, "seen_tls": True,
             "damaged": False}
    daemon.answer("trust-show", {"result": trust})
    done = ctl("trust", "show")
    assert done.returncode == 0
    assert_fits(done.stdout)
    assert "10:11:12:13" in done.stdout and "closed" in done.stdout
    assert "2025-11-22 16:40:02" in done.stdout and "Damaged" not in done.stdout
    assert json.loads(ctl("trust", "show", "--json").stdout) == trust
    daemon.answer("trust-show", {"result": changed(trust, pinned=False, pin=None, damaged=True)})
    assert "Pinned BMC      none" in ctl("trust", "show").stdout
    assert "Damaged" in ctl("trust", "show").stdout


def test_trust_reset(daemon, ctl):
    daemon.answer("trust-reset", {"result": {}})
    done = ctl("trust", "reset")
    assert done.returncode == 0 and "was reset" in done.stdout
    daemon.answer("trust-reset", {"error": {"exit": 1, "text": "'trust-reset' is for root only"}})
    done = ctl("trust", "reset")
    assert done.returncode == 1 and done.stdout == "" and "root only" in done.stderr


def test_trust_forget_waits_for_its_end(daemon, ctl):
    states = iter(["asking", "asking", "done"])
    daemon.answer("trust-forget", {"result": {}})
    daemon.script["trust-show"] = lambda request: [{"result": {"forget": next(states)}}]
    done = ctl("trust", "forget")
    assert done.returncode == 0 and "has forgotten this host" in done.stdout
    assert [r["command"] for r in daemon.requests] == ["trust-forget"] + 3 * ["trust-show"]


def test_trust_forget_says_what_did_not_happen(daemon, ctl):
    daemon.answer("trust-forget", {"error": {"exit": 3, "text": "no trusted connection"}})
    done = ctl("trust", "forget")
    assert done.returncode == 3 and done.stdout == "" and "no trusted" in done.stderr
    daemon.answer("trust-forget", {"result": {}})
    daemon.answer("trust-show", {"result": {"forget": "failed", "forget_reason": "HTTP 503"}})
    done = ctl("trust", "forget")
    assert done.returncode == 1 and done.stdout == "" and "HTTP 503" in done.stderr


@pytest.mark.parametrize("form", [FINGERPRINT, FINGERPRINT.upper(), FINGERPRINT.replace(":", "")])
def test_trust_pin_fingerprint(daemon, ctl, form):
    daemon.answer("trust-pin", {"result": {}})
    done = ctl("trust", "pin", form)
    assert done.returncode == 0 and "is pinned" in done.stdout
    assert daemon.requests == [{"command": "trust-pin", "pin": FINGERPRINT}]
    assert_fits(done.stdout)


def test_trust_pin_file(daemon, ctl, tmp_path):
    pem = tmp_path / "bmc.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(tmp_path / "key"), "-out",
                    str(pem), "-subj", "/CN=bmc"], check=True, capture_output=True)
    shown = subprocess.run(["openssl", "x509", "-in", str(pem), "-noout", "-fingerprint",
                            "-sha256"], check=True, capture_output=True, text=True).stdout
    daemon.answer("trust-pin", {"result": {}})
    assert ctl("trust", "pin", str(pem)).returncode == 0
    assert daemon.requests[0]["pin"] == shown.split("=")[1].strip().lower()


def test_trust_pin_wrong(daemon, ctl, tmp_path):
    daemon.answer("trust-pin", {"result": {}})
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    big = tmp_path / "big.pem"
    big.write_bytes(b"x" * 100000)
    assert ctl("trust", "pin", FINGERPRINT[:-2]).returncode == 2  # too short, and no such file
    assert ctl("trust", "pin", str(no_pem)).returncode == 1
    assert ctl("trust", "pin", str(big)).returncode == 1
    assert ctl("trust", "pin", str(tmp_path)).returncode == 1
    assert ctl("trust", "pin").returncode == 2
    assert daemon.requests == []  # the daemon was not asked


def test_certificate(daemon, ctl):
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    certificate = {"fingerprint": FINGERPRINT, "not_before": "2025-11-22T00:00:00Z",
                   "not_after": "2035-11-20T00:00:00Z", "expired": False, "pem": pem}
    daemon.answer("certificate-show", {"result": certificate})
    done = ctl("certificate", "show")
    assert done.returncode == 0 and done.stdout.endswith(pem)
    assert "2025-11-22 00:00:00 to 2035-11-20 00:00:00\n" in done.stdout
    assert json.loads(ctl("certificate", "show", "--json").stdout) == certificate
    daemon.answer("certificate-show", {"result": changed(certificate, expired=True,
                                                         pem="\x1b[2J" + pem)})
    done = ctl("certificate", "show")
    assert ": expired" in done.stdout and "\x1b" not in done.stdout
    renewal = {"automatic": True, "due": "2035-10-20T00:00:00Z", "state": "failed",
               "trouble": "no \x1b[2Jroom", "staged": {"fingerprint": "AB:CD", "not_after": None}}
    daemon.answer("certificate-show", {"result": changed(certificate, renewal=renewal)})
    done = ctl("certificate", "show")
    assert "from 2035-10-20 00:00:00 on" in done.stdout and "AB:CD" in done.stdout
    assert "room" in done.stdout and "\x1b" not in done.stdout
    renewal.update(automatic=False, due=None)
    daemon.answer("certificate-show", {"result": changed(certificate, renewal=renewal)})
    assert "renewal = off" in ctl("certificate", "show").stdout


def renewing(daemon, fingerprint, **renewal):
    state = dict({"automatic": True, "due": None, "state": "idle", "trouble": None,
                  "staged": None}, **renewal)
    daemon.answer("certificate-renew", {"result": {"fingerprint": FINGERPRINT}})
    daemon.answer("certificate-show", {"result": {"fingerprint": fingerprint, "renewal": state}})


def test_certificate_renew(daemon, ctl):
    renewing(daemon, FINGERPRINT)
    done = ctl("certificate", "renew")
    assert done.returncode == 0 and "renewed" in done.stdout
    # each of these is no success, and nothing is printed that looks like one
    renewing(daemon, FINGERPRINT, state="failed", trouble="no room")
    done = ctl("certificate", "renew")
    assert (done.returncode, done.stdout) == (1, "") and "no room" in done.stderr
    for code in (1, 3, 5):
        daemon.answer("certificate-renew", {"error": {"exit": code, "text": "it is not so"}})
        done = ctl("certificate", "renew")
        assert (done.returncode, done.stdout) == (code, "") and "it is not so" in done.stderr


def test_reconfigure(daemon, ctl):
    daemon.answer("reconfigure", {"result": {}})
    done = ctl("reconfigure")
    assert done.returncode == 0 and "armed again" in done.stdout


# --- features -------------------------------------------------------------------------------------

VERBS = {"access": "inband-access", "snmp": "snmp-get", "names": "local-names",
         "update": "auto-update"}


def features(**state):
    return {"result": changed(CONNECTED, features={name: dict(
        {"enabled": True, "available": True, "reason": None}, **state)
        for name in VERBS.values()})}


@pytest.mark.parametrize("verb", VERBS)
def test_feature_show(daemon, ctl, verb):
    daemon.answer("status", features())
    done = ctl(verb)
    assert done.returncode == 0 and VERBS[verb] in done.stdout

    daemon.answer("status", features(available=False, reason="it needs IPv4"))
    done = ctl(verb)
    assert done.returncode == 5 and "unavailable: it needs IPv4" in done.stderr
    assert json.loads(ctl(verb, "--json").stdout)["reason"] == "it needs IPv4"

    daemon.answer("status", features(enabled_by_host=True, enabled_by_bmc=False))
    done = ctl(verb)
    assert done.returncode == 5 and "switched off at the BMC" in done.stderr


@pytest.mark.parametrize("verb,action", [("update", "check"), ("update", "install")])
def test_feature_action(daemon, ctl, verb, action):
    daemon.answer("feature", {"error": {"exit": 5, "text": "it needs IPv4"}})
    done = ctl(verb, action)
    # what is there is asked first, also by 'install'
    assert daemon.requests == [{"command": "feature", "name": VERBS[verb], "action": "check"}]
    assert (done.returncode, done.stdout) == (5, "")  # never a word of success
    assert "it needs IPv4" in done.stderr


def newer(version):
    return {"result": {"installed": "1.0-1", "newer": version, "problem": None, "last": None}}


def test_update_install_consents_to_what_it_names(daemon, ctl):
    daemon.answer("feature", newer("1.1-1"))
    done = ctl("update", "install")
    assert done.returncode == 0 and "1.1-1" in done.stdout
    assert [r["action"] for r in daemon.requests] == ["check", "install"]
    assert daemon.requests[1]["version"] == "1.1-1" and not daemon.requests[1]["no_way_back"]
    path = os.path.join(daemon.folder, "update-consent")
    with open(path) as file:
        assert file.read() == "1.1-1\n"
    assert os.stat(path).st_mode & 0o777 == 0o600
    ctl("update", "install", "no-way-back")
    with open(path) as file:
        assert file.read() == "1.1-1 no-way-back\n"


def test_update_install_of_nothing(daemon, ctl):
    daemon.answer("feature", newer(None))
    done = ctl("update", "install")
    assert done.returncode == 1 and "no newer version than 1.0-1" in done.stderr
    assert not os.path.exists(os.path.join(daemon.folder, "update-consent"))
    assert ctl("update", "install", "now").returncode == 2
    assert ctl("update", "mode", "sometimes").returncode != 0


# --- usage ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments", [
    [], ["stat"], ["status", "now"], ["trust"], ["trust", "obey"], ["trust", "reset", "x"],
    ["--nonsense"], ["status", "--nonsense"], ["status", "-f"], ["events", "--watch"],
    ["reconfigure", "--json"], ["trust", "pin"], ["access", "start"], ["check-config", "a", "b"],
    ["--runtime-dir"], ["status", "--sys-root", "/x"], [""], ["trust", ""]])
def test_usage_errors(daemon, ctl, arguments):
    done = ctl(*arguments)
    assert done.returncode == 2 and done.stderr and done.stdout == ""
    assert daemon.requests == []


def test_help_and_version():
    done = run_ctl("--help")
    assert done.returncode == 0
    assert_fits(done.stdout)
    for word in ["status", "events", "discover", "trust show", "trust reset", "trust pin",
                 "certificate show", "certificate renew", "reconfigure", "check-config", "access",
                 "snmp", "names", "update", "Exit codes"]:
        assert word in done.stdout
    assert re.match(r"bmclinkctl \d+\.\d+", run_ctl("--version").stdout)


def test_options_behind_the_command(daemon):
    daemon.answer("status", {"result": CONNECTED})
    assert run_ctl("status", "--json", "--runtime-dir", daemon.folder).returncode == 0


# --- check-config ---------------------------------------------------------------------------------

def test_check_config(tmp_path):
    path = tmp_path / "bmclinkd.conf"
    path.write_text("[Link]\ninterface = bmc0\n")
    assert run_ctl("check-config", str(path)).returncode == 0
    done = run_ctl("--config", str(path), "check-config")
    assert done.returncode == 0 and done.stdout == "%s: no errors\n" % path
    path.write_text("[Link]\ninterface = bmc0\nipv4 = perhaps\n")
    done = run_ctl("check-config", str(path))
    assert done.returncode == 1
    assert done.stderr == ("%s:3: Key 'ipv4' in [Link]: expected on or off, found 'perhaps'\n"
                           % path)
    done = run_ctl("check-config", str(tmp_path / "none"))
    assert done.returncode == 1 and "No such file" in done.stderr


def test_check_config_of_a_drop_in(tmp_path):
    path = tmp_path / "bmclinkd.conf"
    path.write_text("")
    folder = tmp_path / "bmclinkd.conf.d"
    folder.mkdir()
    (folder / "10-x.conf").write_text("[Tls]\ntls_min_version = 1.0\n")
    done = run_ctl("check-config", str(path))
    assert done.returncode == 1
    assert done.stderr.startswith("%s/10-x.conf:2: " % folder)


def test_installed_configuration_has_no_errors():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    assert run_ctl("check-config", os.path.join(root, "data/bmclinkd.conf")).returncode == 0
