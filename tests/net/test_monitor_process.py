# SPDX-License-Identifier: Apache-2.0
"""Monitor and worker as processes: the sandbox from inside, deaths, signals, start."""
import contextlib
import errno
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from daemons import program
from netns import run, wait_for
from probe import Gone
from test_memory import Failing
from test_monitor import claimed, probe, tables  # noqa: F401  (fixtures)

# What a library could try by accident is refused; what only an attacker does ends the process.
DEADLY = {"execve", "execveat", "ptrace", "read-monitor", "mount", "chroot", "unshare", "bpf",
          "io-uring"}
# All else is not permitted: nothing is refused for a reason of its own, which might not last.
REFUSED = {"open": errno.ENOENT, "open-dots": errno.ENOENT, "open-proc-mem": errno.ENOENT,
           "open-descriptors": errno.EBADF}


def test_hostile_worker(claimed, tmp_path):  # noqa: F811
    """The table of what a worker that was taken over gets: nothing. And that each attempt is one
    that works without the sandbox."""
    victim = tmp_path / "secret"
    victim.write_text("x")
    out = run(["env", "-C", str(tmp_path), program("hostile_twin"), str(victim)]).stdout
    twin = dict(line.split(" ", 1) for line in out.splitlines())
    names = claimed.must("names")["names"]
    table = []
    for name in names:
        before = claimed.children()
        try:
            answer = claimed.ask("hostile", name=name, file=str(victim))
            assert answer["tcp"] == 0, "no socket of the link to try it with"
            r = answer["r"]
            got = "refused: " + os.strerror(-r) if r < 0 else "GOT IT"
        except Gone:
            got = "killed"
            wait_for(lambda: claimed.children() not in ([], before), 40, "the next worker")
            wait_for(lambda: claimed._answers(), 5, "answers")
            claimed.must("claim", ifindex=claimed.lab.ifindex)
        table.append((name, twin[name], got))
        # a long series of deaths is not what is looked at here
        if got == "killed" and name != names[-1]:
            claimed.stop()
            claimed.start()
            claimed.must("claim", ifindex=claimed.lab.ifindex)
    print("\n%-18s %-32s %s" % ("attempt", "without the sandbox", "in the worker"))
    for row in table:
        print("%-18s %-32s %s" % row)
    assert [row for row in table if row[2] not in (
        "killed", "refused: " + os.strerror(REFUSED.get(row[0], errno.EPERM)))] == []
    assert {name for name, _, got in table if got == "killed"} == DEADLY
    assert {name for name, free, _ in table if free != "worked"} == set(), "proves nothing"


def test_worker_identity(claimed):  # noqa: F811
    worker, = claimed.children()
    with open("/proc/%d/status" % worker) as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert set(status["Uid"].split()) == {"65534"} and set(status["Gid"].split()) == {"65534"}
    assert status["Groups"].strip() == ""
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert os.readlink("/proc/%d/root" % worker) == os.path.join(claimed.state_dir, "worker")


def test_monitor_keeps_few_capabilities(claimed):  # noqa: F811
    kill, setgid, setuid, setpcap, net_admin, net_raw, chroot, audit, read = \
        5, 6, 7, 8, 12, 13, 18, 29, 2
    keep = sum(1 << c for c in (kill, setgid, setuid, setpcap, net_admin, net_raw, chroot, audit,
                                read))
    with open("/proc/%d/status" % claimed.pid) as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == keep
    assert status["NoNewPrivs"] == "1"


def test_worker_sees_no_foreign_descriptor(claimed):  # noqa: F811
    """Its sockets are the two to the monitor (pairs of SEQPACKET, 5) and the one for bmclinkctl."""
    worker, = claimed.children()
    folder = "/proc/%d/fd" % worker

    def links():
        found = {}
        for fd in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found[int(fd)] = os.readlink(os.path.join(folder, fd))
        return found

    def sockets():
        with open("/proc/%d/net/unix" % worker) as file:
            unix = {line.split()[6]: tuple(line.split()[4:5] + line.split()[7:]) for line in file}
        return sorted(unix.get(link[len("socket:["):-1], ("of another family",))
                      for link in links().values() if link.startswith("socket:"))
    for fd, link in links().items():
        assert fd <= 2 or link.startswith(("socket:", "anon_inode:", "pipe:")) \
            or link == os.path.join(claimed.state_dir, "worker"), (fd, link)
    # for a moment those are there, too, by which the probe was asked
    own = [("0001", claimed.control), ("0005",), ("0005",)]
    wait_for(lambda: sockets() == own, 5, "these sockets alone; there are %s" % sockets())


# Deaths

def is_gone(pid):
    """Ended, whether or not somebody has looked."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_monitor_dies_worker_ends(claimed):  # noqa: F811
    worker, = claimed.children()
    claimed.expected_end = True
    os.kill(claimed.pid, signal.SIGKILL)
    claimed.process.wait()
    claimed.process = None
    wait_for(lambda: is_gone(worker), 1, "the worker's end")


def test_monitor_dies_while_the_worker_is_stopped(claimed):  # noqa: F811
    """Not by its own good will: the kernel ends it."""
    worker, = claimed.children()
    os.kill(worker, signal.SIGSTOP)
    claimed.expected_end = True
    os.kill(claimed.pid, signal.SIGKILL)
    claimed.process.wait()
    claimed.process = None
    wait_for(lambda: is_gone(worker), 1, "the worker's end")


def test_worker_dies_and_is_started_again_with_back_off(claimed):  # noqa: F811
    waits = []
    for _ in range(5):
        worker, = wait_for(claimed.children, 10, "a worker")
        killed = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: claimed.children() not in ([], [worker]), 10, "the next worker")
        waits.append(time.monotonic() - killed)
    announced = [int(ms) for ms in re.findall(r"started again in (\d+) ms", claimed.log())]
    assert announced == [100, 200, 400, 800, 1600]
    for real, said in zip(waits, announced):
        assert said / 1000 <= real < said / 1000 + 0.5, (real, said)
    wait_for(claimed._answers, 5, "answers")
    ids = [n.get("id") for n in claimed.must("notices")["notices"]]
    assert "ISM1023" in ids, "the event waits for the next worker"
    # the claim is the monitor's: it stands
    assert claimed.must("profile")["r"] == 0


def test_a_worker_that_cannot_be_watched_is_ended(lab):
    """No memory for its socket's event: it would wait for answers for ever, another one beside it.
    The second call that follows the death of the one before: the event's."""
    network, failing = 6, Failing(lab.folder)
    lab.agent.environment.update(failing.environment)
    lab.agent.start(ipv4="off", ipv6="off")
    lab.agent.wait(lambda s: s["state"] == "incomplete-configuration", 10, "nothing to do")
    worker, = lab.agent.children()
    failing.arm("monitor", 2, network, errno.ENOMEM)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: failing.read("monitor", network)[1], 10, "the fault")
    wait_for(lab.agent._answers, 10, "a worker that answers")
    assert len(lab.agent.children()) == 1
    assert "cannot be watched" in lab.agent.log()


def test_worker_abort(claimed):  # noqa: F811
    with pytest.raises(Gone):
        claimed.ask("abort")
    wait_for(lambda: "killed by signal 6" in claimed.log(), 5, "the reason in the log")
    wait_for(claimed._answers, 5, "the next worker")


def test_stop_ends_both(claimed):  # noqa: F811
    worker, = claimed.children()
    claimed.must("care", on=True)
    begin = time.monotonic()
    assert claimed.stop() == 0
    assert time.monotonic() - begin < 3
    assert is_gone(worker)
    assert tables(claimed.lab) == []
    assert not os.path.exists(claimed.control)


def test_stop_ends_a_worker_that_hangs(claimed):  # noqa: F811
    worker, = claimed.children()
    os.kill(worker, signal.SIGSTOP)
    assert claimed.stop(timeout=10) == 0
    assert is_gone(worker)


def test_interrupt_is_a_stop_too(claimed):  # noqa: F811
    claimed.expected_end = True
    claimed.process.send_signal(signal.SIGINT)
    assert claimed.process.wait(5) == 0
    claimed.process = None


# Start

def test_sd_notify(probe, tmp_path):  # noqa: F811
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(5)
        probe.environment["NOTIFY_SOCKET"] = path
        probe.start()
        assert notify.recv(256) == b"READY=1"
        probe.reload(ipv6="off")
        assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", notify.recv(256))
        assert notify.recv(256) == b"READY=1"
        probe.stop()
        assert notify.recv(256) == b"STOPPING=1"


def test_second_daemon_is_refused(claimed):  # noqa: F811
    out = run(claimed.namespace.wrap(claimed.command()), check=False)
    assert out.returncode == 1 and "already" in out.stderr
    claimed.must("machine")


def test_background(probe):  # noqa: F811
    probe.configure()
    command = [word for word in probe.command() if word != "--foreground"]
    out = run(probe.namespace.wrap(command), check=False)
    try:
        assert out.returncode == 0, out.stderr
        assert "machine" in probe.ask("machine"), "it is up when the command returns"
    finally:
        out = run(["pgrep", "-f", "state-dir %s " % probe.state_dir], check=False).stdout
        for pid in out.split():
            os.kill(int(pid), signal.SIGTERM)
    wait_for(lambda: not os.path.exists(probe.control), 5, "the end")


@pytest.mark.parametrize("arguments,status,text", [
    (["--nonsense"], 2, "nonsense"), (["--config"], 2, "--config"), (["word"], 2, "word"),
    (["--worker"], 2, "monitor's use only"),
    (["--foreground", "--user", "nobody-knows-him"], 1, "nobody-knows-him"),
    (["--foreground", "--user", "root"], 1, "root"),
    (["--foreground", "--user", "nobody", "--group", "no-such-group"], 1, "no-such-group"),
    (["--foreground", "--config", "/nonexistent"], 1, "/nonexistent"),
])
def test_bad_start_is_one_clear_line(tmp_path, arguments, status, text):
    command = [program("bmclinkd"), "--state-dir", str(tmp_path / "s"), "--runtime-dir",
               str(tmp_path / "r")] + arguments
    out = run(command, check=False)
    assert out.returncode == status
    assert text in out.stderr and len(out.stderr.strip().splitlines()) == 1, out.stderr


def test_check_config(tmp_path):
    config = tmp_path / "x.conf"
    config.write_text("[Link]\nipv6 = off\n")
    assert run([program("bmclinkd"), "-n", "--config", str(config)]).stderr == ""
    config.write_text("[Link]\nipv6 = perhaps\n")
    out = run([program("bmclinkd"), "--check-config", "--config", str(config)], check=False)
    assert out.returncode == 1 and "x.conf:2" in out.stderr


def test_single_id_user_namespace_is_refused(tmp_path):
    """There, nobody else exists to become: no worker without privilege separation."""
    command = ["unshare", "--map-root-user", "-nm", program("bmclinkd"), "--foreground",
               "--user", "nobody", "--group", "nogroup",
               "--state-dir", str(tmp_path / "s"), "--runtime-dir", str(tmp_path / "r")]
    out = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert out.returncode == 1
    assert "maps more than one id" in out.stderr
    assert "worker" not in os.listdir(tmp_path) and not (tmp_path / "s" / "worker").exists()
