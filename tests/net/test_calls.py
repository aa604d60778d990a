# SPDX-License-Identifier: Apache-2.0
"""One system call fails, whichever and with whatever the kernel may say: nobody crashes, nothing is
told that did not happen, and both ends find each other all the same.

The n-th call of a kind (fail.h) of the endpoint, of the monitor or of the worker fails, from its
start on, with no state at either end: so that enrolment is part of it. A process may end for it in
good order: then it is started again, as systemd would. Once connected, both ends are killed: what
they had told must be on the disk. BMCLINK_CALLS says how many of each are tried; 0: all.
"""
import errno
import os
import random

import pytest

from netns import wait_for
from servers import fingerprint
from test_memory import ROLES, Failing, is_connected, live
from test_renewal import assert_one_at_each_end, plain, worker
from test_rollover import bmc, trust

SAMPLES = int(os.environ.get("BMCLINK_CALLS", 4))
SEED = int(os.environ.get("BMCLINK_SEED", random.SystemRandom().randrange(1 << 32)))

# As fail.h has them; and what the kernel says of such a call when it cannot.
KINDS = (("descriptor", (errno.EMFILE, errno.ENFILE, errno.ENOMEM)),
         ("read", (errno.EINTR, errno.EIO, errno.ENOMEM)),
         ("write", (errno.EINTR, errno.ENOSPC, errno.EIO)),
         ("send", (errno.EINTR, errno.ENOBUFS, errno.ENOMEM)),
         ("disk", (errno.EIO, errno.ENOSPC, errno.EINTR)),
         ("wait", (errno.EINTR,)),
         ("network", (errno.ENOBUFS, errno.ENOMEM)),
         ("process", (errno.EAGAIN, errno.ENOMEM)))


@pytest.fixture
def failing(lab):
    made = Failing(lab.folder)
    lab.agent.environment = lab.endpoint.environment = made.environment
    return made


def check_truth(lab, what):
    """What both ends say of each other is so, and stays so when their power is cut."""
    def is_told():
        pin = trust(lab)["pin"]
        return pin and plain(pin) == fingerprint(bmc(lab, "endpoint.crt"))
    wait_for(is_told, 5, "pinned is what the BMC has, after " + what)
    assert_one_at_each_end(lab)
    before = [fingerprint(worker(lab, "agent.crt")), fingerprint(bmc(lab, "endpoint.crt"))]
    for daemon in (lab.agent, lab.endpoint):
        daemon.kill()
        daemon.start(wait=False)
    wait_for(lambda: is_connected(lab), 40, "connected after a power cut, after " + what)
    assert [fingerprint(worker(lab, "agent.crt")),
            fingerprint(bmc(lab, "endpoint.crt"))] == before, what
    assert_one_at_each_end(lab)


def one_life(lab, failing, role, kind, number, error):
    """Whether it failed."""
    what = "%s call %d of the %s failed with %s" % (
        KINDS[kind][0], number, role, errno.errorcode[error])
    failing.arm(role, number, kind, error)
    live(lab, what, lambda: check_truth(lab, what))
    return failing.read(role, kind)[1]


@pytest.mark.parametrize("role", ROLES)
def test_one_system_call_fails(lab, failing, role):
    source = random.Random(SEED)
    print("BMCLINK_SEED=%d" % SEED)
    failing.arm(role, 0)
    counts = []
    live(lab, "nothing", lambda: counts.extend(
        failing.read(role, kind)[0] for kind in range(len(KINDS))))
    assert sum(counts) > 100, counts
    faults = [(kind, number + 1, error) for kind, (_, errors) in enumerate(KINDS)
              for number in range(counts[kind]) for error in errors]
    print("%s: %s until it is connected; %d faults" % (
        role, ", ".join("%d %s" % (counts[k], KINDS[k][0]) for k in range(len(KINDS))),
        len(faults)))
    if SAMPLES:
        kinds = [source.randrange(len(KINDS)) for _ in range(SAMPLES)]  # the rare ones, too
        faults = [source.choice([f for f in faults if f[0] == kind] or faults) for kind in kinds]
    failed, bad = 0, []
    for fault in faults:
        try:
            failed += one_life(lab, failing, role, *fault)
        except AssertionError as error:
            bad.append((fault, str(error)))
            print(bad[-1])
            lab.print_logs()
            for daemon in (lab.agent, lab.endpoint):
                daemon.kill()
                daemon.process = None
    print("%d of %d calls failed" % (failed, len(faults)))
    assert not bad, "%d: %s" % (len(bad), bad[:20])
    assert failed > len(faults) * 0.6
