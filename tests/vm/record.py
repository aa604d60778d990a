# SPDX-License-Identifier: Apache-2.0
"""What the agent has on the machine, to compare before and after."""

import json
import re

import packages as deb

PROCESSES = '''
monitor=$(systemctl show -P MainPID bmclinkd)
worker=$(pgrep -P "$monitor")
'''


def number(guest, script):
    return int(guest.sh(PROCESSES + script))


class Record:
    """What must be as before: descriptors, rules, addresses; and memory, nearly."""

    def __init__(self, guest):
        nic = deb.nic(guest)
        self.files = [number(guest, f'ls /proc/${who}/fd | wc -l') for who in ('monitor', 'worker')]
        self.processes = guest.sh(PROCESSES + 'pgrep -P "$worker" || true; echo "$monitor $worker"')
        # Names of tables and rules have the NIC's index, which is new with each birth.
        rules = re.sub(r'bmclink_\d+', 'bmclink_N', guest.sh('nft -s list ruleset'))
        self.rules = sorted(re.split(r'^(?=table )', rules + '\n', flags=re.MULTILINE))
        self.addresses = re.sub(r'^\d+: \S+ ', '', guest.sh(f'ip -o -4 addr show dev {nic}'))
        self.sysctls = guest.sh(f'cd /proc/sys/net; for k in ipv6/conf/{nic}/accept_ra '
                                f'ipv4/conf/{nic}/rp_filter ipv4/neigh/{nic}/retrans_time_ms; '
                                'do echo "$k $(cat $k)"; done')
        self.kilobytes = number(guest, "cat /proc/$monitor/smaps_rollup /proc/$worker/smaps_rollup "
                                       "| awk '/^Pss:/ { sum += $2 } END { print sum }'")

    def assert_as(self, before, kilobytes=1024):
        for name in ('files', 'processes', 'rules', 'addresses', 'sysctls'):
            assert getattr(self, name) == getattr(before, name), name
        assert self.kilobytes < before.kilobytes + kilobytes, 'PSS of both, in kB'


def counts(guest):
    """{id of an event: how often since the agent's start}, as the agent says it."""
    found = {}
    for line in guest.sh('bmclinkctl events --json').splitlines():
        event = json.loads(line)
        found[event['id']] = found.get(event['id'], 0) + event['count']
    return found
