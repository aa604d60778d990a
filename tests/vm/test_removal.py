# SPDX-License-Identifier: Apache-2.0
"""Removal and purge: the machine is as it was before the installation, and the BMC forgets us."""

import re

import clients
import packages as deb
import pytest
import snmp
from life import DEB, STATE, dpkg, fingerprint, known_to_bmc

# Left out: what is not the disk's, what dpkg, systemd and auditd keep for themselves, and the BMC.
FILES = ('find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev '
         '-o -path /var/tmp -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg '
         '-o -path /var/lib/systemd -o -path /var/lib/apt -o -path /var/lib/bmclink/endpoint '
         '\\) -prune -o -printf "%p %y %M %u:%g %l\\n" | sort')
PARTS = {
    'files': FILES,
    'run': 'find /run -xdev -path /run/systemd -prune -o -path /run/udev -prune '
           '-o -path /run/log -prune -o -path /run/bmc -prune '
           '-o -printf "%p %y %M %u:%g\\n" | sort',
    'hosts': 'cat /etc/hosts; cat /etc/resolv.conf 2>/dev/null || true',
    'users': 'sort /etc/passwd /etc/group',
    'addresses': 'ip -o addr | sed "s/ valid_lft.*//"',
    'links': 'ip -o link | sed -E "s/^[0-9]+: //; s/(qlen|qdisc) [^ ]+//g"',
    'routes': 'ip route show table all | sort; ip -6 route show table all | sort; ip rule; '
              'ip -6 rule',
    'nft': 'nft list ruleset',
    'sysctls': 'sysctl -a 2>/dev/null | grep "^net[.]" | '
               'grep -Ev "netfilter|[.]nf_|_count|random|base_reachable_time_ms" | sort',
    'sockets': 'ss -Hlntu | tr -s " " | cut -d" " -f1,5 | sort; '
               'ss -Hlx | tr -s " " | cut -d" " -f5 | grep "^/" | sort',
    'netlink, packet and raw sockets': 'ss -Hlw; ss -Hl --packet',
    'processes': 'ps -e -o comm= | grep -v "^kworker" | grep bmclinkd || true',
    'modules': 'cut -d" " -f1 /proc/modules | sort',
    'units': 'systemctl list-unit-files --no-legend --plain | tr -s " " | cut -d" " -f1,2 | sort',
    'apparmor': 'sort /sys/kernel/security/apparmor/profiles',
    'udev': 'udevadm settle; udevadm info --query=property '
            '--path=/sys/class/net/$(basename $(ls -d '
            '/sys/class/net/*/device/../idProduct | head -1 | sed "s|/device/.*||")) | '
            'grep -Ev "^(USEC_INITIALIZED|IFINDEX|SEQNUM)=" | sort',
}
# What stays until purge (conffiles), as dpkg's rules want it, and the user, who owns no file any
# more but perhaps in somebody's backup.
UNTIL_PURGE = (r'^files: \+ /etc/bmclink( |/bmclinkd\.conf)', r'^files: \+ /etc/ufw[ /]',
               r'^files: \+ /etc/apparmor\.d/local/usr\.sbin\.bmclinkd ',
               r'^files: \+ /etc/apparmor\.d/usr\.sbin\.bmclinkd ', r'^users: \+ [^:]*bmclink:',
               r'^files: \+ /etc/systemd/system/multi-user[.]target[.]wants/bmclinkd[.]service ')
# What the tools that dpkg calls write for themselves, and nobody takes back; the kernel keeps the
# modules of nft's expressions, dh_apparmor's script takes a folder of apparmor's that is empty, and
# ufw, whose trigger looks at each new profile, its lock.
OF_OTHERS = (r'^files: - /etc/apparmor\.d/disable ',
             r'^modules: \+ (nf|nft|nfnetlink)_', r'^modules: \+ libcrc32c$',
             r'^run: \+ /run/ufw\.lock ',
             r'/etc/(passwd|group|shadow|gshadow|subuid|subgid)-? ', r'/etc/\.pwd\.lock ')


def portrait(guest):
    """The machine in lines that do not change by themselves."""
    return {name: guest.sh(script, timeout=180).splitlines() for name, script in PARTS.items()}


def differences(before, after, allowed=()):
    found = []
    for name, lines in before.items():
        changed = [f'- {line}' for line in lines if line not in after[name]]
        changed += [f'+ {line}' for line in after[name] if line not in lines]
        found += [line for line in (f'{name}: {line}' for line in changed)
                  if not any(re.search(pattern, line) for pattern in allowed)]
    return found


def enable_all(guest):
    """The features that are off by default, each with what it has on the host."""
    clients.enable(guest)
    assert any(line.endswith(f':{clients.PORT}') for line in clients.listening(guest))
    guest.sh(f'bmclinkctl snmp enable --community {snmp.COMMUNITY}', timeout=120)
    deb.until('snmp-get is at work', lambda: snmp.feature(guest)['active'], 240)
    guest.sh(f'test -e {snmp.DROP_IN}; grep -q idrac.local /etc/hosts')


@pytest.mark.short
def test_removal_and_purge_leave_the_machine_as_it_was(with_bmc, packages):
    guest = with_bmc
    clients.add(guest)
    snmp.install(guest, packages)
    before = portrait(guest)
    assert differences(before, portrait(guest)) == [], 'the portrait does not change by itself'
    deb.install_agent(guest, packages)
    mine = fingerprint(guest)
    assert mine in known_to_bmc(guest)
    enable_all(guest)
    seen = {line.partition(':')[0] for line in differences(before, portrait(guest))}
    # The comparison sees what an installation brings.
    missing = {'files', 'run', 'users', 'addresses', 'nft', 'sysctls', 'sockets', 'processes',
               'units', 'apparmor'} - seen
    assert missing == set()
    dpkg(guest, '-r', 'bmclink')
    assert mine not in known_to_bmc(guest), 'the BMC has forgotten this host'
    left = differences(before, portrait(guest), OF_OTHERS)
    print('left by a removal:', *left, sep='\n  ')
    assert differences(before, portrait(guest), UNTIL_PURGE + OF_OTHERS) == []
    assert any('bmclinkd.conf' in line for line in left), 'the configuration waits for purge'
    dpkg(guest, '-P', 'bmclink')
    assert differences(before, portrait(guest), OF_OTHERS) == []


def test_removal_with_the_bmc_away(installed):
    """It does not fail, and not wait for longer than ten seconds; nothing of ours is left."""
    installed.sh('systemctl stop bmclink-endpoint')
    dpkg(installed, '-r', 'bmclink')
    assert installed.sh(f'ls {STATE}') == 'endpoint'
    assert installed.sh('pgrep bmclinkd || true') == ''
    assert 'bmclink' not in installed.sh('nft list tables')
    # A new installation begins anew, and comes to terms with the BMC that was not told.
    installed.sh('systemctl start bmclink-endpoint')
    dpkg(installed, '-i', DEB)
    deb.wait_connected(installed, 240)
