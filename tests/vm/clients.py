# SPDX-License-Identifier: Apache-2.0
"""A machine of the server's own network, beside the BMC's: namespace `client` behind lan0. It is
192.0.2.2 and 2001:db8::2, the server .1 and ::1 there; and what it reaches of the BMC."""

import json

import packages as deb
from life import PATIENCE

PORT = 1266
NETWORKS = '192.0.2.0/24 2001:db8::/64'
NAME = 'bmc.local'
HOSTS = ('192.0.2.1', '[2001:db8::1]')
CERTIFICATE = '/var/lib/bmclink/endpoint/endpoint.crt'


def add(guest):
    guest.sh('ip netns add client; ip link add lan0 type veth peer name eth0 netns client; '
             'ip -n client link set lo up; ip link set lan0 up; ip -n client link set eth0 up; '
             'ip addr add 192.0.2.1/24 dev lan0; ip addr add 2001:db8::1/64 dev lan0 nodad; '
             'ip -n client addr add 192.0.2.2/24 dev eth0; '
             'ip -n client addr add 2001:db8::2/64 dev eth0 nodad')


def curl(guest, host, seconds=60):
    """The BMC's service root, with the BMC's certificate verified, by way of the server's NIC."""
    return guest.run(['ip', 'netns', 'exec', 'client', 'curl', '-sS', '--cacert', CERTIFICATE,
                      '--connect-timeout', seconds, '--max-time', seconds + 60,
                      '--connect-to', f'{NAME}:{PORT}:{host}:{PORT}',
                      f'https://{NAME}:{PORT}/redfish/v1/'], check=False, timeout=seconds + 90)


def reaches(guest, host):
    done = curl(guest, host)
    return done.code == 0 and 'RedfishVersion' in json.loads(done.out)


def is_shut_out(guest, host):
    """No connection: 7 is refused or unreachable, 28 is that nobody answers."""
    return curl(guest, host, 5).code in (7, 28)


def is_open(guest):
    return deb.status(guest)['features']['inband-access']['active']


def access(guest):
    """What `bmclinkctl access` says; it asks the firewall's programs, which takes its time."""
    return guest.json('bmclinkctl access --json || [ $? -eq 5 ]', timeout=120)


def enable(guest):
    said = guest.run(['bmclinkctl', 'access', 'enable', '--allow', *NETWORKS.split()], timeout=180)
    deb.until('in-band access is at work', lambda: is_open(guest), PATIENCE)
    return said


def listening(guest):
    return guest.sh("ss -Hltn | awk '{ print $4 }' | sort").split()
