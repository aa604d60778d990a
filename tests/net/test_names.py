# SPDX-License-Identifier: Apache-2.0
"""S15 and S19: idrac.local and its sisters in /etc/hosts, while the link has IPv4, and not else."""
import os
import stat
import sys

import pytest

from lab import BMC_IPV4, HOST_IPV4, HOST_NIC, Lab
from netns import run, wait_for

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from chromium import Browser  # noqa: E402

BEGIN = b"# BEGIN bmclink: written by bmclinkd, changes in this block are lost\n"
BLOCK = BEGIN + b"169.254.1.1 idrac.local drac.local bmc.local # bmclink\n# END bmclink\n"
ADMINISTRATORS = b"127.0.0.1\tlocalhost\r\n# mine\n\n10.0.0.7 other # idrac.local is not meant\n"


@pytest.fixture
def lab(tmp_path):
    with Lab(tmp_path) as lab:
        lab.hosts = os.path.join(lab.trees.etc, "hosts")
        write(lab.hosts, ADMINISTRATORS)
        yield lab


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def names(lab):
    return lab.agent.status()["features"]["local-names"]


def wait_active(lab, timeout=5):
    wait_for(lambda: names(lab)["active"], timeout, "the names are at work")


def wait_hosts(lab, data, timeout=5):
    wait_for(lambda: read(lab.hosts) == data, timeout, "the hosts file is as it must be")


def connect(lab, **keys):
    lab.endpoint.start()
    lab.agent.start(**keys)
    lab.agent.wait_connected("ipv4")


def test_s15_s19_names_over_ipv4(lab):
    """The real resolver in a mount namespace, and curl with the endpoint's certificate."""
    connect(lab)
    wait_active(lab)
    assert read(lab.hosts) == ADMINISTRATORS + BLOCK
    assert names(lab)["names"] == "idrac.local drac.local bmc.local"
    assert names(lab)["address"] == BMC_IPV4
    certificate = os.path.join(lab.endpoint.state_dir, "endpoint.crt")
    for name in ("idrac.local", "drac.local", "bmc.local"):
        script = ("mount --bind %s /etc/hosts && mount --bind %s /etc/nsswitch.conf && "
                  "getent hosts %s && curl -sS --fail --cacert %s https://%s/redfish/v1/" % (
                      lab.hosts, nsswitch(lab), name, certificate, name))
        # The filter of the NIC lets answers in; curl's connection is the host's own.
        out = run(lab.host.wrap(["unshare", "--mount", "sh", "-c", script])).stdout
        assert out.split()[0] == BMC_IPV4 and "RedfishVersion" in out
    assert "ISM1203" in lab.agent.event_ids()


def test_s19_a_browser_finds_the_bmc_by_its_name(lab, tmp_path):
    """On the host itself, with the hosts file that the agent has written."""
    connect(lab)
    wait_active(lab)
    with open(os.path.join(lab.endpoint.state_dir, "endpoint.crt"), "rb") as file:
        pem = file.read()
    script = 'mount --bind %s /etc/hosts && mount --bind %s /etc/nsswitch.conf && exec "$@"' % (
        lab.hosts, nsswitch(lab))

    def wrap(command):
        return lab.host.wrap(["unshare", "--mount", "sh", "-c", script, "sh", *command])
    with Browser(tmp_path, pem, wrap=wrap) as browser:
        for name in ("idrac.local", "drac.local"):
            browser.open("https://%s/" % name)
            browser.wait("document.getElementById('link').textContent.includes("
                         "'connected over IPv4')")
            assert browser.value("location.hostname") == name
        assert browser.messages == []


def nsswitch(lab):
    path = os.path.join(lab.folder, "nsswitch.conf")
    write(path, b"hosts: files\n")
    return path


def test_s15_none_over_ipv6(lab):
    """The twin: the BMC answers over IPv6 only, so there are no names; back with IPv4."""
    write(lab.hosts, ADMINISTRATORS + BLOCK)  # of an earlier life
    lab.silence_ipv4()
    lab.endpoint.start()
    lab.agent.start()
    lab.agent.wait_connected("ipv6", 8)
    wait_hosts(lab, ADMINISTRATORS)
    done = lab.agent.ctl("names", check=False)
    assert done.returncode == 5 and "IPv4" in done.stderr
    lab.clear_faults()
    lab.agent.wait_connected("ipv4", 40)
    wait_hosts(lab, ADMINISTRATORS + BLOCK)


def test_kept_through_a_loss_and_over_a_stop(lab):
    connect(lab)
    wait_active(lab)
    before = os.stat(lab.hosts)
    lab.endpoint.kill()
    lab.agent.wait(lambda s: s["state"] != "connected", 8, "the loss is noticed")
    assert names(lab)["active"] is False
    lab.endpoint.start()
    lab.agent.wait_connected("ipv4")
    wait_active(lab)
    lab.agent.stop()
    lab.agent.start()
    lab.agent.wait_connected("ipv4")
    wait_active(lab)
    after = os.stat(lab.hosts)
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_go_with_the_switch_and_with_ipv4(lab):
    connect(lab)
    wait_active(lab)
    lab.agent.reload({"LocalNames": {"enabled": "off"}})
    wait_hosts(lab, ADMINISTRATORS)
    assert names(lab)["enabled_by_host"] is False
    lab.agent.reload({"LocalNames": {"enabled": "on", "names": "bmc.example"}})
    wait_hosts(lab, ADMINISTRATORS + BLOCK.replace(
        b"idrac.local drac.local bmc.local", b"bmc.example"))
    lab.agent.reload(ipv4="off")
    lab.agent.wait_connected("ipv6", 8)
    wait_hosts(lab, ADMINISTRATORS)
    lab.agent.reload(ipv4="on")
    lab.agent.wait_connected("ipv4", 8)
    wait_active(lab)
    # An address that is taken away from a living NIC is not put back: IPv4 is not configured.
    lab.host.ip("addr del %s peer %s dev %s" % (HOST_IPV4, BMC_IPV4, HOST_NIC))
    wait_hosts(lab, ADMINISTRATORS, 8)


def test_an_administrators_line_is_kept(lab):
    mine = ADMINISTRATORS + b"192.0.2.7 idrac.local\n"
    write(lab.hosts, mine)
    connect(lab)
    wait_active(lab)
    assert read(lab.hosts) == mine + BLOCK.replace(b"idrac.local ", b"")
    assert names(lab)["taken"] == "idrac.local"
    assert "ISM1205" in lab.agent.event_ids()
    lab.agent.reload({"LocalNames": {"names": "idrac.local"}})
    wait_hosts(lab, mine)
    wait_for(lambda: names(lab)["trouble"] and "other lines" in names(lab)["trouble"], 5,
             "the reason is in the status")
    assert lab.agent.ctl("names", check=False).returncode == 5


def test_owner_mode_attributes_and_link_are_kept(lab):
    target = os.path.join(lab.trees.etc, "hosts.real")
    os.rename(lab.hosts, target)
    os.symlink("hosts.real", lab.hosts)
    os.chmod(target, 0o604)
    attributes = {}
    try:
        os.setxattr(target, "user.mine", b"value")
        attributes["user.mine"] = b"value"
    except OSError:
        pass  # tmpfs has none of them before Linux 6.6; labels: the next test
    connect(lab)
    wait_active(lab)
    assert os.readlink(lab.hosts) == "hosts.real"
    assert read(target) == ADMINISTRATORS + BLOCK
    found = os.stat(target)
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o604, 0, 0)
    assert {name: os.getxattr(target, name) for name in attributes} == attributes
    assert sorted(os.listdir(lab.trees.etc)) == ["hosts", "hosts.real", "machine-id"]


LABEL = "security.selinux", b"system_u:object_r:net_conf_t:s0\0"


def may_label(folder):
    """Does this kernel let a root without CAP_SYS_ADMIN, as the monitor is, set a label?"""
    path = os.path.join(folder, "probe")
    write(path, b"")
    out = run(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", sys.executable,
               "-c", "import os; os.setxattr(%r, %r, %r)" % (path, *LABEL)], check=False)
    return out.returncode == 0


def test_a_label_is_kept_or_the_file_is_not_touched(lab):
    """The latter where SELinux is off in a kernel that keeps labels for CAP_SYS_ADMIN."""
    try:
        os.setxattr(lab.hosts, *LABEL)
    except OSError:
        pytest.skip("no labels in this kernel or on this file system")
    connect(lab)
    if may_label(lab.folder):
        wait_active(lab)
        assert read(lab.hosts) == ADMINISTRATORS + BLOCK
    else:
        refused(lab, "its extended attributes or its label cannot be kept")
    assert os.getxattr(lab.hosts, LABEL[0]) == LABEL[1]


def refused(lab, text):
    wait_for(lambda: text in (names(lab)["trouble"] or ""), 5, "the reason is in the status")
    assert names(lab)["active"] is False and "ISM1206" in lab.agent.event_ids()
    done = lab.agent.ctl("names", check=False)
    assert done.returncode == 5 and text in done.stderr
    assert read(lab.hosts) == ADMINISTRATORS


def test_an_owner_that_cannot_be_kept(lab):
    """The monitor has no right to give files away."""
    os.chown(lab.hosts, 0, 4321)
    connect(lab)
    refused(lab, "its owner cannot be kept")
    assert (os.stat(lab.hosts).st_uid, os.stat(lab.hosts).st_gid) == (0, 4321)
    assert sorted(os.listdir(lab.trees.etc)) == ["hosts", "machine-id"]


def test_another_hard_link(lab):
    os.link(lab.hosts, os.path.join(lab.trees.etc, "hosts.too"))
    connect(lab)
    refused(lab, "hard links")


def test_a_file_that_is_mounted(lab):
    """As in a container: it cannot be replaced in one step."""
    real = os.path.join(lab.folder, "hosts")
    write(real, ADMINISTRATORS)
    run(["mount", "--bind", real, lab.hosts])
    try:
        connect(lab)
        refused(lab, "mounted by itself")
        as_the_agent_sees(lab, ["umount", lab.hosts])
        lab.agent.reload()  # the cause is gone
        wait_for(lambda: names(lab)["active"], 5, "the names are at work")
    finally:  # the kernel took the mount away with the file that it was on
        run(["umount", lab.hosts], check=False)
    assert read(lab.hosts) == ADMINISTRATORS + BLOCK


def as_the_agent_sees(lab, command):
    """In its mount namespace, which is one of its own."""
    run(["nsenter", "--mount", "--target", str(lab.agent.pid)] + command)


def mounted_etc(lab, options):
    """A small file system for /etc, with what is in it."""
    saved = {name: read(os.path.join(lab.trees.etc, name)) for name in os.listdir(lab.trees.etc)}
    run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", lab.trees.etc])
    lab.on_close(lambda: run(["umount", lab.trees.etc]))
    for name, data in saved.items():
        write(os.path.join(lab.trees.etc, name), data)


def test_read_only(lab):
    mounted_etc(lab, "size=64k")
    run(["mount", "-o", "remount,ro", lab.trees.etc])
    connect(lab)
    refused(lab, "read-only")
    as_the_agent_sees(lab, ["mount", "-o", "remount,rw", lab.trees.etc])
    lab.agent.reload()
    wait_hosts(lab, ADMINISTRATORS + BLOCK)


def test_full_disk(lab):
    mounted_etc(lab, "size=16k")
    full = os.path.join(lab.trees.etc, "full")
    with open(full, "wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 4096)
    connect(lab)
    refused(lab, "the disk is full")
    assert sorted(os.listdir(lab.trees.etc)) == ["full", "hosts", "machine-id"]


def test_too_large(lab):
    data = ADMINISTRATORS + b"\n" * (1024 * 1024)
    write(lab.hosts, data)
    connect(lab)
    wait_for(lambda: "larger than 1 MiB" in (names(lab)["trouble"] or ""), 5, "the reason")
    assert read(lab.hosts) == data


def test_cleanup_takes_the_block_out(lab):
    write(lab.hosts, b"127.0.0.1 localhost")  # without a newline at its end
    connect(lab)
    wait_active(lab)
    assert b"localhost\n# BEGIN" in read(lab.hosts)
    lab.agent.stop()
    assert b"idrac.local" in read(lab.hosts)
    run(lab.host.wrap(lab.agent.command() + ["--cleanup"]))
    assert read(lab.hosts) == b"127.0.0.1 localhost"


def test_report_has_the_block(lab):
    connect(lab)
    wait_active(lab)
    out = lab.agent.ctl("report", "--etc-root", lab.trees.etc, check=False).stdout
    assert "169.254.1.1 idrac.local" in out
