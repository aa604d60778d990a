#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The scenes of ./demo, on the same laboratory as the tests. Exit 0: each was as it must be."""
import datetime
import os
import re
import signal
import sys
import textwrap
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import netns  # noqa: E402
from daemons import build_dir, program  # noqa: E402
from lab import BMC_IPV4, BMC_NIC, HOST_IPV4, HOST_NIC, Lab  # noqa: E402
from servers import replace_certificate  # noqa: E402

NEEDS_IPV4 = ("inband-access", "snmp-get", "local-names", "auto-update")
FOLDER = "/run/demo"  # of our own mount namespace: it goes with us, whatever happens
TERMINAL = sys.stdout.isatty()


def colour(code, text):
    return "\033[%sm%s\033[0m" % (code, text) if TERMINAL else text


class Clock:
    def __init__(self):
        self.began = time.monotonic()

    def text(self):
        seconds = time.monotonic() - self.began
        return "%.0f ms" % (seconds * 1000) if seconds < 1 else "%.1f s" % seconds


def require(condition, text):
    if not condition:
        raise AssertionError(text)


def describe(status):
    tls = status["tls_version"] if status["encrypted"] else "not encrypted"
    return "%s %s -> %s, %s" % ({"ipv4": "IPv4", "ipv6": "IPv6"}[status["protocol"]],
                                status["local_address"], status["bmc_address"], tls)


def events(lab, mark, *wanted):
    """The wanted event ids, which must have come since; as text."""
    seen = lab.agent.event_ids(mark)
    for message_id in wanted:
        require(message_id in seen, "event %s did not come (came: %s)" % (
            message_id, " ".join(seen)))
    return " ".join(wanted)


# --- one link, from the first start on ------------------------------------------------------------

def first_start(lab):
    require(not lab.host.addresses(HOST_NIC), "the NIC is not bare")
    lab.endpoint.start()
    clock = Clock()
    lab.agent.start(wait=False)
    status = lab.agent.wait_connected("ipv4")
    took = clock.text()
    require(status["tls_version"] == "TLS 1.3", "TLS: %s" % status["tls_version"])
    require(status["configured_once"] is True, "the one-time configuration is not marked")
    require(lab.syn_counts()["ipv6"] == 0, "IPv6 was tried although IPv4 works")
    return "configured once, connected in %s: %s  [%s]" % (
        took, describe(status), events(lab, None, "ISM1010", "ISM0004"))


def bmc_restart(lab):
    mark = lab.agent.mark()
    lab.endpoint.stop()
    lab.agent.wait_state("connecting")
    lab.endpoint.start(wait=False)
    netns.wait_for(lab.endpoint.listens, 10, "the BMC listens")
    clock = Clock()
    status = lab.agent.wait_connected("ipv4")
    return "reconnected %s after its port was open: %s  [%s]" % (
        clock.text(), describe(status), events(lab, mark, "ISM0007", "ISM0005"))


def bmc_silent(lab):
    mark = lab.agent.mark()
    lab.host.link_local(HOST_NIC)
    lab.silence_ipv4()
    clock = Clock()
    lab.agent.wait(lambda s: s["state"] != "connected", 30, "the silence is noticed")
    noticed, clock = clock.text(), Clock()
    status = lab.agent.wait_connected("ipv6")
    took = clock.text()
    reasons = set()
    for name in NEEDS_IPV4:
        feature = status["features"][name]
        require(not feature["available"], "%s is said to be available" % name)
        require("IPv4" in (feature["reason"] or ""), "%s: reason %s" % (name, feature["reason"]))
        reasons.add(feature["reason"])
    return "noticed after %s, %s later %s; %d features unavailable: %s  [%s]" % (
        noticed, took, describe(status), len(NEEDS_IPV4), "; ".join(reasons),
        events(lab, mark, "ISM0007", "ISM0005", "ISM1012"))


def bmc_answers_again(lab):
    mark = lab.agent.mark()
    seen = set()

    def back(status):
        seen.add(status["state"])
        return status["protocol"] == "ipv4"
    lab.clear_faults()
    clock = Clock()
    status = lab.agent.wait(back, 40, "back to IPv4")
    require(seen == {"connected"}, "the connection had a gap: %s" % seen)
    return "moved back after %s, without a gap: %s  [%s]" % (
        clock.text(), describe(status), events(lab, mark, "ISM1000"))


def mending_command(lab):
    """What the status says would mend it, as words."""
    text = " ".join(lab.agent.ctl("status", check=False).stdout.split())
    found = re.search(r"ip addr(?:ess)? add (?:(?!dev )\S+ )+dev [\w.-]+", text)
    require(found, "the status names no command: " + text)
    return found.group(0)


def address_removed(lab):
    lab.agent.reload(ipv6="off")
    lab.agent.wait_event("ISM1030")
    lab.agent.wait_connected("ipv4")
    lab.host.ip("addr flush dev " + HOST_NIC)
    status = lab.agent.wait_state("incomplete-configuration")
    require(status["reason"] and status["reason"]["id"] == "ISM0057", "no reason in the status")
    lab.agent.stop()
    lab.agent.start()  # not even a restart of the agent puts it back
    lab.agent.wait_state("incomplete-configuration")
    require(not lab.host.addresses(HOST_NIC, 4), "the NIC was configured a second time")
    command = mending_command(lab)
    lab.host.run(command.split())
    clock = Clock()
    status = lab.agent.wait_connected("ipv4")
    return "not configured again (ISM0057); it asked for `%s`; then connected in %s" % (
        command, clock.text())


def reboot(lab):
    lab.endpoint.stop()
    lab.reboot(start=False)
    lab.endpoint.start()
    clock = Clock()
    lab.agent.start(wait=False)
    status = lab.agent.wait_connected("ipv4")
    took = clock.text()
    require(lab.host.has_address(HOST_NIC, HOST_IPV4), "the address did not come back")
    return "address back, connected in %s: %s  [%s]" % (
        took, describe(status), events(lab, None, "ISM1025"))


def replug(lab):
    mark = lab.agent.mark()
    old = lab.ifindex
    lab.unplug()
    lab.agent.wait_state("no-interface")
    lab.endpoint.stop()
    lab.plug()
    lab.endpoint.start()
    status = lab.agent.wait_connected("ipv4")
    return "ifindex %d -> %d, address back, connected: %s  [%s]" % (
        old, lab.ifindex, describe(status), events(lab, mark, "ISM1025", "ISM0005"))


def agent_without_tls(lab):
    lab.agent.stop()
    lab.agent.start({"Tls": {"tls": "off"}})
    lab.agent.wait_state("refused")
    first = lab.agent.wait_event("ISM1017")
    require("IPv4" in first["text"], "the event does not name the protocol")
    entries = lab.wait_lifecycle("ISM0050", 2, 15)
    return "refused [ISM1017]; the BMC's Lifecycle log, read with curl, has %d x ISM0050" % (
        len(entries))


def expired(lab):
    lab.agent.stop()
    now = datetime.datetime.utcnow()
    path = os.path.join(lab.agent.state_dir, "worker", "agent.crt")
    replace_certificate(path, not_before=now - datetime.timedelta(days=3660),
                        not_after=now - datetime.timedelta(days=7))
    lab.agent.start({"Tls": {"tls": "on"}})
    status = lab.agent.wait_state("refused")
    require(status["reason"]["id"] == "ISM1002", "reason: %s" % status["reason"])
    event = lab.agent.wait_event("ISM1002")
    # Seen only as root: the kernel takes audit records from the first user namespace alone.
    audited = "record written: op=bmc-link-certificate-expired" in lab.agent.log()
    return "no communication, ended %s: \"%s\"%s  [ISM1002]" % (
        (now - datetime.timedelta(days=7)).strftime("%Y-%m-%d"),
        event["resolution"].rstrip("."), "; in the OS audit log, too" if audited else "")


def firmware_without_tls(_):
    """Another server and another BMC: this one has never had TLS."""
    with Lab(os.path.join(FOLDER, "old")) as lab:
        lab.endpoint.start(profile="idrac", firmware_version="3.21.21.21")
        lab.agent.start()
        status = lab.agent.wait_connected("ipv4")
        require(status["encrypted"] is False, "it says that it is encrypted")
        return "firmware %s: plain channel as before, %s  [%s]" % (
            status["bmc"]["firmware_version"], describe(status),
            events(lab, None, "ISM1006", "ISM0004"))


SCENES = [
    ("First start, the NIC is bare", first_start),
    ("The BMC restarts", bmc_restart),
    ("The BMC is silent over IPv4", bmc_silent),
    ("The BMC answers over IPv4 again", bmc_answers_again),
    ("An administrator removes our address, IPv6 is off", address_removed),
    ("The server reboots", reboot),
    ("The NIC is pulled and plugged in again", replug),
    ("The BMC's firmware has no TLS", firmware_without_tls),
    ("An agent without TLS meets a BMC with TLS", agent_without_tls),
    ("The agent's certificate has expired", expired),
]


def play_scene(number, title, function, lab):
    print(colour("1", "%2d. %s" % (number, title)), flush=True)
    line = function(lab)
    print("    %s %s" % (colour("32", "ok:"), line), flush=True)


def play():
    """All scenes on one link; the first that goes wrong ends it, for the next ones build on it."""
    print("A server and its BMC in two network namespaces; the pass-through NIC is a veth pair"
          " (%s - %s).\n" % (HOST_NIC, BMC_NIC))
    began, played = time.monotonic(), 0
    try:
        with Lab(os.path.join(FOLDER, "link")) as lab:
            for number, (title, function) in enumerate(SCENES, 1):
                play_scene(number, title, function, lab)
                played += 1
    except AssertionError as error:
        print("    %s %s" % (colour("31", "FAILED:"), error), flush=True)
        played = min(played, len(SCENES) - 1)
    print("\n%d of %d scenes were as they must be (%.0f s)." % (
        played, len(SCENES), time.monotonic() - began))
    return 0 if played == len(SCENES) else 1


# --- --keep ---------------------------------------------------------------------------------------

def write_helpers(folder, lab):
    """Little scripts that run a command at one of the two ends, from any shell."""
    user = "" if os.environ.get("BMCLINK_OUTER_UID", "0") == "0" else \
        "--user --preserve-credentials "
    enter = "exec nsenter -t %s %s-m -- ip netns exec %%s %%s\"$@\"\n" % (
        os.environ.get("BMCLINK_HOLDER", os.getpid()), user)
    control = "%s --runtime-dir %s " % (program("bmclinkctl"), lab.agent.runtime_dir)
    for name, namespace, command in (("host", lab.host, ""), ("bmc", lab.bmc, ""),
                                     ("bmclinkctl", lab.host, control)):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write("#!/bin/sh\n" + enter % (namespace.name, command))
        os.chmod(path, 0o755)


def what_to_try(folder, lab):
    folder = os.path.relpath(folder)
    worker = os.path.join(lab.agent.state_dir, "worker")
    curl = "%s/host curl -sk --cert %s/agent.crt --key %s/agent.key https://%s" % (
        folder, worker, worker, BMC_IPV4)
    return textwrap.dedent("""\
        Both ends are running. What to try:

          {f}/bmclinkctl status
          {f}/bmclinkctl events -f
          # the BMC goes silent over IPv4: it goes on over IPv6
          {f}/bmc nft add rule inet lab faults meta nfproto ipv4 drop
          # ... and answers again
          {f}/bmc nft flush chain inet lab faults
          # an administrator takes our address away
          {f}/host ip addr flush dev {nic} scope link
          # the Lifecycle log of the BMC, with curl
          {curl}/redfish/v1/Managers/bmc/LogServices/Lclog/Entries
          # a shell on the host's side, and one on the BMC's
          {f}/host bash
          {f}/bmc bash

        ./demo --stop ends both.""").format(f=folder, nic=HOST_NIC, curl=curl)


def keep():
    """Start both ends and stay behind as their parent; the caller's shell gets its prompt back."""
    folder = os.path.join(build_dir(), "demo")
    os.makedirs(folder, exist_ok=True)
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader) as file:
            text = file.read()
        print(text)
        return 0 if text.startswith("Both ends") else 1
    os.close(reader)
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(os.path.join(folder, "keep.log"), "w") as log:
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.makedirs(FOLDER, exist_ok=True)
    with os.fdopen(writer, "w") as caller, Lab(FOLDER) as lab:
        try:
            lab.endpoint.start()
            lab.agent.start()
            lab.agent.wait_connected("ipv4")
        except AssertionError as error:
            caller.write("It did not connect: %s" % error)
            raise
        write_helpers(folder, lab)
        with open(os.path.join(folder, "pid"), "w") as file:
            file.write("%d\n" % os.getpid())
        caller.write(what_to_try(folder, lab))
        caller.close()
        while True:
            signal.pause()


def main():
    if "BMCLINK_OUTER_UID" not in os.environ:
        os.environ["BMCLINK_OUTER_UID"] = str(os.geteuid())
    netns.enter_private()
    return keep() if "--keep" in sys.argv else play()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
