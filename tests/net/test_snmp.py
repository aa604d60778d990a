# SPDX-License-Identifier: Apache-2.0
"""In-band SNMP Get (rows S14, S18): Net-SNMP's programs ask the host's snmpd, and read the BMC."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from daemons import ROOT, program
from hooks import Hooks
from lab import HOST_IPV4
from netns import die_with_parent, run, wait_for
from snmp import COMMUNITY, IDRAC, OWN, SYS_DESCR, USER, EndpointSnmp, Snmpd
from test_clock import FakeClock

RESOURCE = "/redfish/v1/Managers/%s/Oem/Bmclink/Snmp"
CLIENTS = {"community": {"community": COMMUNITY}, "user": {"user": USER}}


@pytest.fixture
def make(make_lab):
    """make(**settings of [SnmpGet]): a lab with the feature configured and everything running."""
    def start(endpoint=None, wait=True, snmpd=True, bmc_snmpd=None, clock=False, **keys):
        lab = make_lab()
        lab.clock = FakeClock(lab.folder, lab.endpoint, runs=True) if clock else None
        lab.snmp = EndpointSnmp(lab, bmc_snmpd)
        lab.snmpd = Snmpd(lab)
        lab.endpoint.start(**(endpoint or {}))
        lab.snmp.start()
        wait_for(lambda: os.path.exists(os.path.join(lab.endpoint.runtime_dir, "snmp.lock")), 5,
                 "bmclink-endpoint-snmp is ready")
        if snmpd:
            lab.snmpd.start()
        settings = {"enabled": "on", "communities": COMMUNITY, "users": USER}
        settings.update(keys)
        lab.agent.start({"SnmpGet": settings})
        lab.agent.wait_connected("ipv4")
        if wait:
            wait_active(lab)
        return lab
    return start


def feature(status):
    return status["features"]["snmp-get"]


def wait_active(lab, timeout=10):
    return feature(lab.agent.wait(lambda s: feature(s)["active"], timeout, "snmp-get is active"))


def wait_reason(lab, text, timeout=10):
    def matches(status):
        return not feature(status)["active"] and text in (feature(status)["reason"] or "")
    return feature(lab.agent.wait(matches, timeout, "snmp-get: " + text))


def post(lab, action, body):
    return lab.curl(RESOURCE % "bmc" + "/Actions/BmclinkSnmp." + action,
                    options=["-X", "POST", "-H", "Content-Type: application/json",
                             "-d", json.dumps(body)])


def wait_value(lab, oid=OWN + ".1.1.0", timeout=5, **who):
    """The sub-agent may be a moment behind snmpd."""
    who = who or CLIENTS["community"]
    return wait_for(lambda: lab.snmpd.value(oid, **who), timeout, "a value of the BMC")


@pytest.mark.parametrize("client", CLIENTS)
def test_s18_all_programs_read_the_bmc(make, client):
    lab, who = make({"product": "BMC 9000", "service_tag": "TAG1234"}), CLIENTS[client]
    assert wait_value(lab, **who) == "BMC 9000"
    values = {OWN + ".1.1.0": "BMC 9000", OWN + ".1.2.0": "0.1.0", OWN + ".1.4.0": "TAG1234",
              OWN + ".2.1.0": "2", OWN + ".2.2.0": "2", OWN + ".2.3.0": "2"}
    for name in ("snmpwalk", "snmpbulkwalk"):
        for start in (OWN, "1.3"):  # the end of the subtree is the end of the walk
            assert lab.snmpd.walk(start, name, **who) == values
    assert lab.snmpd.walk(OWN, "snmpgetnext", **who) == {OWN + ".1.1.0": "BMC 9000"}
    assert lab.snmpd.value(OWN + ".1.4.0", **who) == "TAG1234"


MACHINE = (  # model, Health, StorageHealth, PowerState, and what BMCLINK-MIB says of the last three
    ("R 760", "Critical", "Warning", "On", "544"),
    ("R 770", "OK", "Critical", "Off", "353"),
    ("R 770", "Warning", "OK", "PoweringOn", "431"))


@pytest.mark.parametrize("keys,base,places", [
    ({}, OWN, (".1.3.0", ".2.1.0", ".2.2.0", ".2.3.0")),
    ({"profile": "idrac", "firmware_version": "4.40.0.0"}, IDRAC,
     (".1.3.12.0", ".2.1.0", ".2.3.0", ".2.4.0"))], ids=["own", "idrac"])
def test_s18_states_and_model_are_the_endpoints(make, tmp_path, keys, base, places):
    """What the firmware's own hooks say, and again when it has changed: no value is a constant."""
    hooks = Hooks(tmp_path / "hooks")
    hooks.add("power", 'case "$1" in types) echo On ;; state) cat "$D/power" ;; esac\n')
    hooks.add("inventory", 'cat "$D/inventory"\n')
    lab = make(dict(keys, hooks=hooks.folder))
    for model, health, storage, power, numbers in MACHINE:
        hooks.write("inventory", json.dumps({
            "System": {"Model": model, "Health": health, "StorageHealth": storage}}))
        for notice in (["inventory"], ["power", power]):
            lab.bmc.run([program("bmclink-endpoint"), "--runtime-dir", lab.endpoint.runtime_dir,
                         "notice", *notice])

        def shown():
            values = lab.snmpd.walk(base, **CLIENTS["community"])
            return [values.get(base + place) for place in places]
        # the sub-agent keeps for a moment what it has asked for
        wait_for(lambda: shown() == [model, *numbers], 30, "%s %s" % (model, numbers))


def test_nothing_else_becomes_readable(make):
    lab = make()
    wait_value(lab)
    for who in CLIENTS.values():
        assert lab.snmpd.value(SYS_DESCR, **who) is None
    # neither the administrator's other clients nor a named user without the context see the BMC
    for who in ({"community": "public"}, {"community": "wrong"}, {"user": "mallory"},
                {"user": USER, "context": None}, {"user": USER, "key": "wrongwrongwrong"}):
        assert lab.snmpd.value(OWN + ".1.1.0", **who) is None, who
        assert OWN not in lab.snmpd.ask("snmpwalk", OWN, **who).stdout.replace(
            OWN + " = No", ""), who
    # what public sees is what it saw before
    assert lab.snmpd.value("1.3.6.1.2.1.25.1.5.0", community="public") is not None
    assert lab.snmpd.value("1.3.6.1.2.1.25.1.5.0", **CLIENTS["community"]) is None


def test_a_set_is_refused(make):
    lab = make()
    before = wait_value(lab)
    for who in CLIENTS.values():
        out = lab.snmpd.ask("snmpset", OWN + ".1.1.0", tail=("s", "changed"), **who)
        assert out.returncode != 0 and "Reason" in out.stderr, out
    assert lab.snmpd.value(OWN + ".1.1.0", **CLIENTS["community"]) == before


def test_snmpd_is_reloaded_not_restarted(make):
    lab = make()
    wait_value(lab)
    pid = lab.snmpd.pid
    lab.agent.reload({"SnmpGet": {"enabled": "off"}})
    wait_for(lambda: not lab.snmpd.has_drop_in(), 5, "the drop-in is gone")
    wait_for(lambda: lab.snmpd.value(OWN + ".1.1.0", **CLIENTS["community"]) is None, 5,
             "snmpd has let go of the BMC")
    lab.agent.reload({"SnmpGet": {"enabled": "on"}})
    wait_active(lab)
    wait_value(lab)
    assert lab.snmpd.process.poll() is None and lab.snmpd.pid == pid


@pytest.mark.parametrize("how", ["stop", "kill -9 and --cleanup"])
def test_nothing_is_left(make, how):
    lab = make()
    wait_value(lab)
    if how == "stop":
        lab.agent.stop()
    else:
        lab.agent.kill()
        assert lab.snmpd.has_drop_in()
        lab.host.run(lab.agent.command()[:1] + ["--cleanup"] + lab.agent.command()[2:])
    assert not lab.snmpd.has_drop_in()
    assert os.listdir(os.path.dirname(lab.snmpd.drop_in)) == []
    wait_for(lambda: lab.snmpd.value(OWN + ".1.1.0", **CLIENTS["community"]) is None, 5,
             "snmpd has let go of the BMC")


def test_a_killed_agents_drop_in_goes_at_the_next_start(make):
    lab = make()
    wait_value(lab)
    lab.agent.kill()
    lab.agent.start({"SnmpGet": {"enabled": "off"}})
    wait_for(lambda: not lab.snmpd.has_drop_in(), 5, "the drop-in is gone")
    wait_for(lambda: lab.snmpd.value(OWN + ".1.1.0", **CLIENTS["community"]) is None, 5,
             "snmpd has let go of the BMC")


def test_worker_killed(make):
    lab = make()
    wait_value(lab)
    os.kill(lab.agent.children()[0], signal.SIGKILL)
    wait_for(lambda: not lab.snmpd.has_drop_in(), 5, "the drop-in is gone")
    lab.agent.wait_connected("ipv4")
    wait_active(lab)
    wait_value(lab)


def test_snmpd_killed_and_restarted(make):
    lab = make()
    wait_value(lab)
    lab.snmpd.kill()
    wait_reason(lab, "snmpd does not run", 3)
    assert not lab.snmpd.has_drop_in()
    assert lab.agent.ctl("snmp", check=False).returncode == 5
    lab.snmpd.start()
    wait_active(lab)
    wait_value(lab)


def test_snmpd_comes_later(make):
    lab = make(wait=False, snmpd=False)
    wait_reason(lab, "snmpd does not run")
    lab.snmpd.start()
    wait_active(lab)
    wait_value(lab)


@pytest.fixture
def no_snmpd(tmp_path):
    """A machine without snmpd; the BMC has a copy of its own."""
    copy, empty = tmp_path / "snmpd", tmp_path / "empty"
    shutil.copy("/usr/sbin/snmpd", copy)
    empty.write_text("")
    run(["mount", "--bind", str(empty), "/usr/sbin/snmpd"])
    yield str(copy)
    run(["umount", "/usr/sbin/snmpd"])


def test_snmpd_is_not_installed(make, no_snmpd):
    lab = make(wait=False, snmpd=False, bmc_snmpd=no_snmpd)
    assert "apt install snmpd" in wait_reason(lab, "not installed")["reason"]
    assert not lab.snmpd.has_drop_in()


def test_s14_over_ipv6_only_it_is_gone_and_back(make):
    lab = make()
    wait_value(lab)
    mark = lab.agent.mark()
    lab.silence_ipv4()
    lab.host.ip("link set bmc0 down")
    lab.host.ip("link set bmc0 up")
    lab.agent.wait_connected("ipv6")
    assert not lab.snmpd.has_drop_in()
    status = lab.agent.ctl("snmp", check=False)
    assert status.returncode == 5 and "IPv4" in status.stderr
    lab.agent.wait_event("ISM1012", mark=mark)
    assert lab.snmpd.value(OWN + ".1.1.0", **CLIENTS["community"]) is None
    lab.clear_faults()
    lab.agent.wait_connected("ipv4", 20)
    wait_active(lab)
    wait_value(lab)


def test_nobody_is_named(make):
    lab = make(wait=False, communities="", users="")
    wait_reason(lab, "name communities or users")
    assert not lab.snmpd.has_drop_in()


def test_a_community_that_snmpd_has_already(make):
    lab = make(wait=False, communities="public")
    wait_reason(lab, "already")
    assert not lab.snmpd.has_drop_in()


def test_no_place_for_the_drop_in(make):
    lab = make(wait=False, snmpd=False)
    text = open(lab.snmpd.config).read()
    with open(lab.snmpd.config, "w") as file:
        file.write(re.sub("includeDir.*", "", text))
    lab.snmpd.start()
    wait_reason(lab, "includeDir")
    with open(lab.snmpd.config, "w") as file:
        file.write(text)
    wait_active(lab)


@pytest.mark.parametrize("key", ["communities", "users"])
@pytest.mark.parametrize("value", ["a b;c", "x\"y", "-C", "a'b", "a$(id)", "a#b", "w" * 33])
def test_words_are_words(lab, key, value):
    lab.agent.configure({"SnmpGet": {key: value}})
    out = lab.host.run(lab.agent.command() + ["--check-config"], check=False)
    assert out.returncode == 1
    assert re.search(r"bmclinkd.conf:\d+: .*letters, digits", out.stderr), out.stderr


def test_bmc_without_its_snmp_service(make):
    lab = make()
    wait_value(lab)
    lab.snmp.kill()
    lab.agent.stop()
    lab.agent.start()
    wait_reason(lab, "the BMC's SNMP service does not run")
    assert not lab.snmpd.has_drop_in()
    lab.snmp.start()
    wait_active(lab, 20)
    wait_value(lab)


def test_bmc_side_off(make):
    lab = make(endpoint={"snmp": "off"}, wait=False)
    wait_reason(lab, "off at the BMC")
    assert not lab.snmpd.has_drop_in()
    assert post(lab, "SetUser", {
        "UserName": "x", "AuthenticationProtocol": "HMAC192_SHA256",
        "AuthenticationKey": "a" * 20, "EncryptionProtocol": "CFB128_AES128",
        "EncryptionKey": "b" * 20})[0] == 403


def secrets(lab):
    text = open(lab.snmpd.drop_in).read()
    return re.search(r"-A (\w+) -x AES -X (\w+)", text).groups()


def test_the_secret_is_nowhere(make):
    lab = make()
    wait_value(lab)
    keys = secrets(lab)
    assert len(set(keys)) == 2 and all(len(k) == 40 for k in keys)
    assert os.stat(lab.snmpd.drop_in).st_mode & 0o777 == 0o600
    commands = lab.host.run(["ps", "axww", "-o", "args"]).stdout
    told = json.dumps(lab.agent.status()) + lab.agent.ctl("events", "--json").stdout
    for key in keys:
        for text in (commands, told, lab.agent.log(), lab.endpoint.log(), lab.snmp.log(),
                     open(lab.snmpd.log_path).read()):
            assert key not in text
    # whatever has it, nobody else may read it
    for top in (lab.folder,):
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.isfile(path) or os.path.islink(path):
                    continue
                if any(k.encode() in open(path, "rb").read() for k in keys):
                    assert os.stat(path).st_mode & 0o077 == 0, path


def test_afresh_each_time(make):
    lab = make()
    before = secrets(lab)
    lab.agent.reload({"SnmpGet": {"enabled": "off"}})
    wait_for(lambda: not lab.snmpd.has_drop_in(), 5, "the drop-in is gone")
    wait_for(lambda: not os.path.exists(os.path.join(lab.endpoint.runtime_dir, "snmp.json")), 5,
             "the BMC's user is gone")
    lab.agent.reload({"SnmpGet": {"enabled": "on"}})
    wait_active(lab)
    wait_value(lab)
    assert not set(before) & set(secrets(lab))


def test_idrac(make):
    lab = make({"profile": "idrac", "firmware_version": "4.40.0.0", "product": "iDRAC9",
                "service_tag": "7JKLMN2"})
    assert wait_value(lab, IDRAC + ".1.1.2.0") == "iDRAC9"
    assert lab.snmpd.walk(IDRAC, **CLIENTS["community"]) == {
        IDRAC + ".1.1.1.0": "iDRAC9", IDRAC + ".1.1.2.0": "iDRAC9",
        IDRAC + ".1.1.8.0": "4.40.0.0", IDRAC + ".1.3.2.0": "7JKLMN2",
        IDRAC + ".2.1.0": "2", IDRAC + ".2.3.0": "2", IDRAC + ".2.4.0": "2"}


ELSEWHERE = "1.3.6.1.4.1.8072.9999.9999.700"


def test_a_subtree_of_ones_own(make):
    """Named at both ends; a BMC alone cannot choose what the host's snmpd hands on."""
    lab = make({"snmp_subtree": ELSEWHERE}, wait=False)
    wait_reason(lab, "name it in [SnmpGet]")
    assert not lab.snmpd.has_drop_in()
    lab.agent.reload({"SnmpGet": {"subtree": ELSEWHERE}})
    wait_active(lab)
    assert wait_value(lab, ELSEWHERE + ".1.1.0")
    assert feature(lab.agent.status())["subtree"] == ELSEWHERE
    assert lab.snmpd.value(OWN + ".1.1.0", **CLIENTS["community"]) is None


def test_the_bmc_cannot_ask_the_hosts_snmpd(make):
    """snmpd listens everywhere; what comes in over the NIC is answers only (nic_filter)."""
    lab = make()
    wait_value(lab)
    ask = ["snmpget", "-v2c", "-c", COMMUNITY, "-t", "1", "-r", "0", HOST_IPV4, OWN + ".1.1.0"]
    out = lab.bmc.run(ask, check=False)
    assert out.returncode != 0 and "Timeout" in out.stderr
    # the same question from the host itself is answered: it is the filter that keeps it out
    assert lab.host.run(ask).stdout


def test_only_the_host_makes_a_user(make):
    lab = make()
    body = {"UserName": "x", "AuthenticationProtocol": "HMAC192_SHA256",
            "AuthenticationKey": "a" * 20, "EncryptionProtocol": "CFB128_AES128",
            "EncryptionKey": "b" * 20}
    options = ["-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(body)]
    path = RESOURCE % "bmc" + "/Actions/BmclinkSnmp.SetUser"
    assert lab.curl(path, certificate=False, options=options)[0] == 401
    for name, value in (("UserName", "x y"), ("UserName", "x\nrwuser y"), ("UserName", "-v"),
                        ("AuthenticationKey", "short"), ("AuthenticationKey", "a" * 19 + "\""),
                        ("EncryptionKey", "b" * 19 + "\n"), ("EncryptionProtocol", "None"),
                        ("AuthenticationProtocol", "HMAC_MD5"), ("Unknown", "x")):
        assert post(lab, "SetUser", dict(body, **{name: value}))[0] == 400, (name, value)
    assert post(lab, "SetUser", body)[0] == 200


def test_the_command_line(make):
    lab = make(wait=False, enabled="off", communities="", users="")
    out = lab.agent.ctl("--config", lab.agent.config, "snmp", "enable", check=False)
    assert out.returncode == 5 and "name communities or users" in out.stderr
    out = lab.agent.ctl("--config", lab.agent.config, "snmp", "enable", "--community", "a b",
                        check=False)
    assert out.returncode == 2 and "Nothing was changed" in out.stderr
    out = lab.agent.ctl("--config", lab.agent.config, "snmp", "enable", "--community", "a\"b",
                        check=False)
    assert out.returncode != 0 and "letters, digits" in out.stderr
    lab.agent.ctl("--config", lab.agent.config, "snmp", "enable", "--community", COMMUNITY,
                  "--user", USER)
    wait_value(lab, **CLIENTS["user"])
    wait_value(lab)
    dropin = lab.agent.config + ".d/60-snmp-get.conf"
    assert os.stat(dropin).st_mode & 0o777 == 0o600 and COMMUNITY in open(dropin).read()
    shown = lab.agent.ctl("snmp")
    assert shown.returncode == 0 and OWN in shown.stdout
    lab.agent.ctl("--config", lab.agent.config, "snmp", "disable")
    assert not lab.snmpd.has_drop_in()
    assert COMMUNITY in open(dropin).read()  # who may ask is kept for the next time


def test_switched_off_at_the_bmc(make):
    lab = make()
    wait_value(lab)
    switch = [program("bmclink-endpoint"), "--runtime-dir", lab.endpoint.runtime_dir, "--state-dir",
              lab.endpoint.state_dir, "features", "snmp-get"]
    lab.bmc.run(switch + ["off"])
    wait_reason(lab, "")
    wait_for(lambda: not lab.snmpd.has_drop_in(), 5, "the drop-in is gone")
    wait_for(lambda: not os.path.exists(os.path.join(lab.endpoint.runtime_dir, "snmp.json")), 5,
             "the BMC's user is gone")
    assert lab.snmpd.value(OWN + ".1.1.0", **CLIENTS["community"]) is None
    lab.bmc.run(switch + ["on"])
    wait_active(lab)
    wait_value(lab)


def test_report_and_bundle(make, tmp_path):
    lab = make()
    wait_value(lab)
    keys = secrets(lab)
    bundle = str(tmp_path / "bundle.tar.gz")
    roots = ["--etc-root", lab.trees.etc, "--config", lab.agent.config, "--state-dir",
             lab.agent.state_dir]
    made = json.loads(lab.agent.ctl("report", "--json", *roots, check=False).stdout)
    (section,) = [s for s in made["sections"] if s["name"] == "snmpd"]
    assert [lab.snmpd.drop_in in json.dumps(i) for i in section["items"]] == [True]
    lab.agent.ctl("report", "--bundle", bundle, *roots, check=False)
    folder = tmp_path / "unpacked"
    folder.mkdir()
    run(["tar", "-xzf", bundle, "-C", str(folder)])
    text = b"".join(open(os.path.join(f, n), "rb").read()
                    for f, _, names in os.walk(folder) for n in names)
    assert b"SnmpGet" in text
    for secret in (*keys, COMMUNITY):
        assert secret.encode() not in text


def test_encrypted_on_the_link(make, tmp_path):
    """Everything that a question and its answer put on the link, read back."""
    lab = make({"product": "SECRETPRODUCT"})
    wait_value(lab)
    capture = tmp_path / "capture"
    reader = subprocess.Popen(lab.host.wrap([sys.executable, "-c", CAPTURE, str(capture)]),
                              stdout=subprocess.PIPE, preexec_fn=die_with_parent)
    assert reader.stdout.readline()
    assert lab.snmpd.value(OWN + ".1.1.0", **CLIENTS["community"]) == "SECRETPRODUCT"
    wait_for(lambda: capture.stat().st_size > 200, 5, "packets on the link")
    reader.kill()
    reader.wait()
    data = capture.read_bytes()
    user = re.search(r" -u (\S+)", open(lab.snmpd.drop_in).read()).group(1).encode()
    assert user in data  # it is SNMPv3's header, so these are the packets
    for text in (b"SECRETPRODUCT", COMMUNITY.encode(), bytes([0x2b, 6, 1, 4, 1, 0xbf, 8])):
        assert text not in data


CAPTURE = """
import socket, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind(("bmc0", 0))
print("ready", flush=True)
with open(sys.argv[1], "ab", buffering=0) as file:
    while True:
        packet = link.recv(65536)
        if packet[23] == 17:  # UDP
            file.write(packet)
"""


def test_clients_over_ipv6(make):
    lab = make()
    wait_value(lab)
    out = lab.host.run(["snmpget", "-On", "-v2c", "-c", COMMUNITY, "udp6:[::1]:161",
                        OWN + ".1.1.0"])
    assert "bmclink endpoint" in out.stdout


def test_the_bmcs_snmpd_is_killed(make):
    """A new one counts its engine's starts on, else the host would take none of its answers."""
    lab = make()
    wait_value(lab)
    for _ in range(2):
        (old,) = [p for p in lab.snmp.children() if comm(p) == "snmpd"]
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: old not in lab.snmp.children(), 5, "it is gone")
        wait_value(lab, timeout=15)


def comm(pid):
    try:
        return open("/proc/%d/comm" % pid).read().strip()
    except FileNotFoundError:
        return ""


def test_the_bmc_listens_only_while_it_has_a_user(make):
    lab = make()
    wait_value(lab)

    def listening():
        return re.findall(r"(\S+):161 ", lab.bmc.run(["ss", "-Hlun"]).stdout)
    assert listening() == ["0.0.0.0%usb0"]
    lab.agent.reload({"SnmpGet": {"enabled": "off"}})
    wait_for(lambda: not listening(), 5, "nothing listens")
    assert not os.path.exists(os.path.join(lab.snmp.runtime_dir, "snmp"))


def user(lab):
    """The BMC's SNMP user, as the host that is known sees it."""
    code, body = lab.curl(RESOURCE % "bmc")
    assert code == 200, body
    return json.loads(body)["UserName"]


@pytest.mark.parametrize("how", ["disabled", "forgotten"])
def test_the_user_on_the_bmc_goes_with_the_host(make, how):
    """RemoveUser by the agent, or the end of its trust: no user, no listener, no engine is left."""
    lab = make()
    wait_value(lab)
    assert user(lab) and has_user(lab)
    if how == "disabled":
        lab.agent.reload({"SnmpGet": {"enabled": "off"}})
    else:
        lab.agent.ctl("trust", "forget")
    wait_user_gone(lab)
    wait_for(lambda: not lab.snmpd.has_drop_in(), 5, "the drop-in is gone")
    assert not feature(lab.agent.status())["active"]
    if how == "disabled":
        assert user(lab) is None


def has_user(lab):
    return os.path.exists(os.path.join(lab.endpoint.runtime_dir, "snmp.json"))


def wait_user_gone(lab):
    wait_for(lambda: not has_user(lab), 10, "the BMC's user is gone")
    wait_for(lambda: ":161 " not in lab.bmc.run(["ss", "-Hlun"]).stdout, 10, "nothing listens")


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_user_of_a_host_that_went_without_a_word(make, how):
    """A BMC keeps the user through a loss; when it looked twice without a host, it is gone."""
    lab = make(clock=True)
    wait_value(lab)
    ended = lab.endpoint.log().count("ends in state stream")
    getattr(lab.agent, how)()
    wait_for(lambda: lab.endpoint.log().count("ends in state stream") > ended, 30, "its end")
    # A minute each, with room for the seconds that pass meanwhile.
    for seconds, left in ((40, True), (30, True), (40, True), (30, False)):
        lab.clock.go(seconds)
        assert lab.curl("/redfish/v1/", certificate=False)[0] == 200  # it wakes
        assert has_user(lab) == left
    wait_user_gone(lab)
    lab.agent.start()
    wait_active(lab, 20)
    wait_value(lab)


def test_only_the_host_removes_the_user(make):
    lab = make()
    wait_value(lab)
    path = RESOURCE % "bmc" + "/Actions/BmclinkSnmp.RemoveUser"
    options = ["-X", "POST", "-H", "Content-Type: application/json", "-d", "{}"]
    assert lab.curl(path, certificate=False, options=options)[0] == 401
    assert post(lab, "RemoveUser", {"Unknown": 1})[0] == 400
    assert user(lab)
    assert post(lab, "RemoveUser", {})[0] == 204
    assert user(lab) is None
    assert post(lab, "RemoveUser", {})[0] == 204  # twice is once


IDRAC_NUMBERS = {
    "racName": ".1.1.1", "racShortName": ".1.1.2", "racFirmwareVersion": ".1.1.8",
    "systemServiceTag": ".1.3.2", "systemModelName": ".1.3.12", "globalSystemStatus": ".2.1",
    "globalStorageStatus": ".2.3", "systemPowerState": ".2.4"}


def test_the_numbers_of_the_idrac_profile():
    """As the public MIB has them; the module's other objects are its own conformance."""
    path = "%s/data/mibs:%s/tests/mibs" % (ROOT, ROOT)
    for name, number in IDRAC_NUMBERS.items():
        out = run(["snmptranslate", "-M", path, "-m", "BMCLINK-IDRAC-MIB", "-On",
                   "BMCLINK-IDRAC-MIB::" + name])
        assert out.stdout.strip() == "." + IDRAC + number
    with open(ROOT + "/data/mibs/BMCLINK-IDRAC-MIB.txt") as file:
        assert set(re.findall(r"(?m)^(\w+) OBJECT-TYPE$", file.read())) == set(IDRAC_NUMBERS)


@pytest.mark.parametrize("module", ["BMCLINK-MIB", "BMCLINK-IDRAC-MIB"])
def test_mib(module):
    """Debian has none of the IETF's modules: tests/mibs stands for what ours import."""
    path = "%s/data/mibs:%s/tests/mibs" % (ROOT, ROOT)
    tag = {"BMCLINK-MIB": ("bmclinkServiceTag", OWN + ".1.4"),
           "BMCLINK-IDRAC-MIB": ("systemServiceTag", IDRAC + ".1.3.2")}[module]
    out = run(["snmptranslate", "-M", path, "-m", module, "-On", module + "::" + tag[0]])
    assert out.stdout.strip() == "." + tag[1] and not out.stderr.strip()
    lint = subprocess.run(["smilint", "-s", "-l", "4", "-p", ROOT + "/tests/mibs/SNMPv2-SMI",
                           ROOT + "/data/mibs/%s.txt" % module], capture_output=True, text=True,
                          env=dict(os.environ, SMIPATH=ROOT + "/tests/mibs"))
    assert lint.returncode == 0 and not lint.stderr.strip(), lint.stderr
