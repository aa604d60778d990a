# SPDX-License-Identifier: Apache-2.0
"""The SELinux module, linked with the whole reference policy as Debian has it, and then asked what
each domain may do. It is compiled and its rules are looked at; it has not been run enforcing."""
import bz2
import glob
import os
import re
import shutil
import subprocess

import pytest
import setools

from rpms import ROOT, run

POLICY = "/usr/share/selinux/default"
HLL = [p for p in ("/usr/libexec/selinux/hll/pp", "/usr/lib/selinux/hll/pp") if os.path.exists(p)]

pytestmark = pytest.mark.xdist_group("selinux")


def to_cil(package, target):
    opener = bz2.open if package.endswith(".bz2") else open
    with opener(package, "rb") as file, open(target, "wb") as out:
        subprocess.run(HLL[0], input=file.read(), stdout=out, stderr=subprocess.DEVNULL, check=True)


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("selinux")
    for file in glob.glob(os.path.join(ROOT, "packaging/selinux/bmclink.*")):
        shutil.copy(file, folder)
    done = run(["make", "-f", "/usr/share/selinux/devel/Makefile", "bmclink.pp"], cwd=folder)
    assert not re.search("warning|error", done.stdout, re.I), done.stdout
    cil = folder / "cil"
    cil.mkdir()
    packages = sorted(glob.glob(POLICY + "/*.pp*"))
    assert len(packages) > 100, "selinux-policy-default is missing"
    for package in packages + [str(folder / "bmclink.pp")]:
        to_cil(package, cil / (os.path.basename(package).split(".")[0] + ".cil"))
    path = str(folder / "policy")
    run(["secilc", "-o", path, "-f", str(folder / "contexts")] + sorted(map(str, cil.iterdir())))
    return setools.SELinuxPolicy(path)


def allowed(policy, source, target=None, cls=None, permission=None):
    query = setools.TERuleQuery(policy, ruletype=["allow"], source=source)
    if target:
        query.target = target
    if cls:
        query.tclass = [cls]
    if permission:
        query.perms = [permission]
    return [str(rule) for rule in query.results()]


def permissions(policy, source, target, cls):
    found = set()
    for line in allowed(policy, source, target, cls):
        found |= set(re.sub(r"[{};]|\[.*", "", line.split(":", 1)[1].split(" ", 1)[1]).split())
    return found


def test_the_worker_opens_nothing_by_itself(policy):
    for cls in ("tcp_socket", "udp_socket", "packet_socket", "rawip_socket"):
        assert not allowed(policy, "bmclink_worker_t", "bmclink_worker_t", cls, "create"), cls
    assert not allowed(policy, "bmclink_worker_t", "bmclink_worker_t", "netlink_route_socket",
                       "nlmsg_write")
    # the twin: the monitor may
    for cls in ("tcp_socket", "udp_socket", "packet_socket", "rawip_socket"):
        assert allowed(policy, "bmclinkd_t", "bmclinkd_t", cls, "create"), cls
    assert allowed(policy, "bmclinkd_t", "bmclinkd_t", "netlink_route_socket", "nlmsg_write")


def test_the_monitor_hears_of_nftables_and_the_worker_does_not(policy):
    for permission in ("create", "bind", "setopt", "read"):
        assert allowed(policy, "bmclinkd_t", "bmclinkd_t", "netlink_netfilter_socket", permission)
    assert not allowed(policy, "bmclink_worker_t", "bmclink_worker_t", "netlink_netfilter_socket",
                       "create")


def test_the_worker_has_no_privileges_but_to_give_them_up(policy):
    assert permissions(policy, "bmclink_worker_t", "bmclink_worker_t", "capability") == {
        "setuid", "setgid", "setpcap", "sys_chroot"}
    assert "net_admin" in permissions(policy, "bmclinkd_t", "bmclinkd_t", "capability")
    for target in ("bin_t", "shell_exec_t", "iptables_exec_t"):
        assert not allowed(policy, "bmclink_worker_t", target, "file", "execute_no_trans")
        assert not allowed(policy, "bmclink_worker_t", target, "file", "execute"), target
    assert allowed(policy, "bmclinkd_t", "iptables_exec_t", "file", "execute")


def test_who_reads_and_writes_which_files(policy):
    for domain, target, write in (("bmclink_worker_t", "bmclink_worker_var_lib_t", True),
                                  ("bmclink_worker_t", "bmclink_var_lib_t", False),
                                  ("bmclink_worker_t", "bmclink_endpoint_var_lib_t", False),
                                  ("bmclinkd_t", "bmclink_var_lib_t", True),
                                  ("bmclinkd_t", "bmclink_worker_var_lib_t", False),
                                  ("bmclink_endpoint_t", "bmclink_endpoint_var_lib_t", True),
                                  ("bmclink_endpoint_t", "bmclink_worker_var_lib_t", False)):
        assert bool(allowed(policy, domain, target, "file", "write")) is write, (domain, target)
    # keys are not read, nor the password of the account, but by whose they are
    assert not allowed(policy, "bmclink_worker_t", "bmclink_etc_t", "file", "read")
    assert allowed(policy, "bmclinkd_t", "bmclink_etc_t", "file", "read")
    assert not allowed(policy, "bmclinkd_t", "bmclink_worker_var_lib_t", "file", "read")
    # ... but an update that the worker has fetched: it is copied, then verified
    assert allowed(policy, "bmclinkd_t", "bmclink_update_var_lib_t", "file", "read")
    assert not allowed(policy, "bmclinkd_t", "bmclink_update_var_lib_t", "file", "write")
    for domain in ("bmclinkd_t", "bmclink_worker_t", "bmclink_endpoint_t"):
        assert not allowed(policy, domain, "shadow_t", "file", "read")
        assert not allowed(policy, domain, "etc_t", "file", "write")


def test_the_processes_get_their_domains(policy):
    query = setools.TERuleQuery(policy, ruletype=["type_transition"], tclass=["process"])
    out = [str(rule) for rule in query.results()]
    for rule in ("type_transition init_t bmclinkd_exec_t:process bmclinkd_t;",
                 "type_transition bmclinkd_t bmclinkd_exec_t:process bmclink_worker_t;",
                 "type_transition init_t bmclink_endpoint_exec_t:process bmclink_endpoint_t;"):
        assert rule in out, rule
    # the units have NoNewPrivileges=yes
    for source, target in (("init_t", "bmclinkd_t"), ("bmclinkd_t", "bmclink_worker_t"),
                           ("init_t", "bmclink_endpoint_t")):
        assert allowed(policy, source, target, "process2", "nnp_transition")
        assert allowed(policy, source, target, "process", "transition")


def test_ports(policy):
    assert allowed(policy, "bmclink_worker_t", "http_port_t", "tcp_socket", "name_connect")
    for line in allowed(policy, "bmclink_worker_t", "ssh_port_t", "tcp_socket", "name_connect"):
        assert "bmclink_connect_any_port" in line, line
    assert allowed(policy, "bmclink_endpoint_t", "http_port_t", "tcp_socket", "name_bind")
    assert not allowed(policy, "bmclink_endpoint_t", "ssh_port_t", "tcp_socket", "name_bind")
