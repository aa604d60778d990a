# SPDX-License-Identifier: Apache-2.0
"""bmclink-gadget.service: the BMC's end of the USB NIC."""

import packages as deb

GADGETS = 'ls /sys/kernel/config/usb_gadget'


def hardware_addresses(guest):
    return (guest.text(f'/sys/class/net/{deb.nic(guest)}/address'),
            guest.bmc('cat /sys/class/net/usb0/address'))


def test_same_hardware_addresses_at_each_start(with_bmc):
    guest = with_bmc
    first = hardware_addresses(guest)
    assert all(address.startswith('02:') for address in first) and first[0] != first[1]
    for _ in range(3):
        guest.sh('systemctl restart bmclink-gadget')
        deb.wait_nic(guest)
        assert hardware_addresses(guest) == first
        assert '169.254.2.2/24' in guest.bmc('ip -br -4 addr show dev usb0')


def test_addresses_and_ids_are_configured(with_bmc):
    guest = with_bmc
    guest.sh('rm /etc/systemd/system/bmclink-gadget.service.d/vm.conf; systemctl daemon-reload')
    guest.put('/etc/bmclink/gadget.conf',
              'VENDOR_ID=0x413c\nPRODUCT_ID=0xa102\nNETNS=bmc\nHOST_MAC=02:00:00:00:00:01\n'
              'BMC_MAC=02:00:00:00:00:02\nIPV4="10.9.8.1/30 10.9.7.1/30"\nIPV6=fd00:9::1/64\n'
              'SERIAL=AB12\nFUNCTION=ncm\n')
    guest.sh('systemctl restart bmclink-gadget')
    deb.wait_nic(guest)
    assert hardware_addresses(guest) == ('02:00:00:00:00:01', '02:00:00:00:00:02')
    shown = guest.bmc('ip -br addr show dev usb0')
    assert '10.9.8.1/30' in shown and '10.9.7.1/30' in shown and 'fd00:9::1/64' in shown
    assert guest.text(f'/sys/class/net/{deb.nic(guest)}/device/../serial') == 'AB12'


def test_stop_leaves_nothing(with_bmc):
    guest = with_bmc
    guest.sh('systemctl stop bmclink-gadget')
    guest.until('the NIC is gone from the host', 'test "$(ls /sys/class/net)" = lo')
    assert guest.sh(GADGETS) == ''
    assert 'usb' not in guest.sh('ip -n bmc link')
    guest.sh('systemctl start bmclink-gadget')
    deb.wait_nic(guest)


def test_a_wrong_setting_is_said(with_bmc):
    guest = with_bmc
    guest.put('/etc/bmclink/gadget.conf', 'FUNCTION=nonsense\n')
    assert guest.run(['systemctl', 'restart', 'bmclink-gadget'], check=False).code
    # It is tried again each two seconds: never active, and every time it says why.
    assert guest.run(['systemctl', 'is-active', 'bmclink-gadget'], check=False).code
    assert 'nonsense' in guest.sh('journalctl -b -u bmclink-gadget -o cat --no-pager')
    guest.sh('rm /etc/bmclink/gadget.conf; systemctl restart bmclink-gadget')
    deb.wait_nic(guest)


def test_no_unplug_by_an_upgrade(with_bmc):
    guest = with_bmc
    before = guest.sh(f'cat /sys/class/net/{deb.nic(guest)}/ifindex')
    guest.sh('dpkg -i /var/tmp/bmclink-endpoint.deb', timeout=180)
    assert guest.sh(f'cat /sys/class/net/{deb.nic(guest)}/ifindex') == before
    guest.until('the endpoint serves', 'systemctl is-active bmclink-endpoint')
