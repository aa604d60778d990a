# SPDX-License-Identifier: Apache-2.0
"""What tests of an installation's life ask of the machine, and do to it."""

import datetime
import json
import sys
from pathlib import Path

import packages as deb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'net'))
import servers  # noqa: E402

STATE = '/var/lib/bmclink'
AGENT_CERT = f'{STATE}/worker/agent.crt'
DEB = '/var/tmp/bmclink.deb'
PATIENCE = 240  # seconds, for a hang: the machine under the guest may be busy
DROP_INS = '/etc/bmclink/bmclinkd.conf.d'
BMC = 'https://169.254.2.2'
ENTRIES = '/redfish/v1/Managers/bmc/LogServices/Lclog/Entries'


def dpkg(guest, *arguments):
    return guest.sh('dpkg ' + ' '.join(arguments) + ' 2>&1', timeout=300)


def fingerprint(guest):
    shown = guest.json('bmclinkctl certificate show --json')
    return shown['fingerprint'].replace(':', '').lower()


def known_to_bmc(guest):
    return guest.sh('bmclink-endpoint trust list').replace(':', '').lower()


def events(guest):
    """Ids of the agent's events in the journal, oldest first."""
    lines = guest.sh('journalctl -u bmclinkd -o json --output-fields=BMCLINK_EVENT --no-pager')
    found = [json.loads(line).get('BMCLINK_EVENT') for line in lines.splitlines()]
    return [name for name in found if name]


def wait_event(guest, name, seconds=PATIENCE):
    guest.until(f'event {name}', f'journalctl -q -u bmclinkd BMCLINK_EVENT={name} | grep -q .',
                seconds)


def wait_refused(guest, name, seconds=PATIENCE):
    """No communication, for this reason."""
    def refused():
        status = guest.run(['bmclinkctl', 'status', '--json'], check=False)
        if status.code not in (0, 3):
            return None
        status = json.loads(status.out)
        return status if status['state'] == 'refused' and status['reason']['id'] == name else None
    return deb.until(f'refused with {name}', refused, seconds)


def wait_new_fingerprint(guest, old, seconds=PATIENCE):
    def new():
        return deb.is_connected(guest) and fingerprint(guest) != old and \
            fingerprint(guest) in known_to_bmc(guest)
    deb.until('connected with a new certificate', new, seconds)


def first_use(guest):
    """No help from IPMI, at either end: a BMC whose hosts come over IPMI opens no window."""
    guest.put(f'{DROP_INS}/trust.conf', '[Tls]\ntrust = first-use\n')
    guest.put('/etc/bmclink/endpoint.conf.d/enrolment.conf', '[Endpoint]\nenrolment = first-use\n')
    guest.sh('systemctl restart bmclink-endpoint')


def put_expired_pair(guest, folder):
    """An agent that was installed ten years ago, and is known to its BMC since then."""
    now = datetime.datetime.utcnow()
    pair = servers.make_certificate(str(folder), 'old', common_name='bmclink-host',
                                    not_before=now - datetime.timedelta(days=3660),
                                    not_after=now - datetime.timedelta(days=7))
    guest.sh('systemctl stop bmclinkd')
    for source, name in zip(pair, ('agent.crt', 'agent.key')):
        guest.copy_in(source, f'/var/tmp/{name}')
        # Written into: owner and mode stay.
        guest.sh(f'cat /var/tmp/{name} >{STATE}/worker/{name}')
    guest.sh('bmclink-endpoint trust forget; bmclink-endpoint trust add /var/tmp/agent.crt; '
             'systemctl start bmclinkd')


def lifecycle_log(guest, message):
    """Records of this message in the BMC's Lifecycle log, as its administrator reads it from the
    host (the endpoint answers on its NIC alone)."""
    guest.run(['bmclink-endpoint', 'passwd'], data=b'a long password\n')
    shown = guest.json(f"curl -sSk -u 'admin:a long password' {BMC}{ENTRIES}")
    return [entry for entry in shown['Members'] if entry['MessageId'].endswith('.' + message)]


def denials(guest, profile='bmclinkd'):
    lines = guest.sh('{ cat /var/log/audit/audit.log; journalctl -k -b --no-pager; } 2>/dev/null | '
                     'grep -a \'apparmor="DENIED"\' || true')
    return [line for line in lines.splitlines() if f'profile="{profile}"' in line]
