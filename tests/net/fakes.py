# SPDX-License-Identifier: Apache-2.0
"""Prepared trees that play /sys, /proc, /sys/firmware/dmi, /run and /etc/machine-id.

Namespaces have no USB and no DMI, so the daemons' roots (--sys-root and its sisters) point here.
"""
import os
import shutil
import uuid

DELL_NIC = ("413c", "a102")


class Trees:
    def __init__(self, folder):
        self.sys = os.path.join(folder, "sys")
        self.proc = os.path.join(folder, "proc")
        self.run = os.path.join(folder, "run")
        self.dmi = os.path.join(self.sys, "firmware", "dmi")
        self.etc = os.path.join(folder, "etc")
        self.machine_id = os.path.join(self.etc, "machine-id")
        os.makedirs(self.etc)
        os.makedirs(os.path.join(self.sys, "class", "net"))
        os.makedirs(os.path.join(self.proc, "sys", "kernel", "random"))
        os.makedirs(os.path.join(self.run, "udev", "data"))
        os.makedirs(os.path.join(self.dmi, "entries"))
        _write(os.path.join(self.run, "udev", "control"), "")  # udev runs here
        # What is truly per network namespace stays the kernel's own.
        os.symlink("/proc/sys/net", os.path.join(self.proc, "sys", "net"))
        self.new_boot()
        self.new_machine()
        self.set_product_uuid(str(uuid.uuid4()))

    def options(self):
        return ["--sys-root", self.sys, "--proc-root", self.proc,
                "--dmi-root", self.dmi, "--run-root", self.run, "--etc-root", self.etc]

    # One USB NIC, as the kernel shows it: class/net/NAME -> devices/.../net/NAME, whose "device"
    # is the USB interface, whose parent is the USB device with the ids.

    def plug(self, name, ifindex, mac, ids=DELL_NIC, settled=True):
        device = os.path.join(self.sys, "devices", "pci0000:00", "0000:00:14.0", "usb1", "1-3")
        net = os.path.join(device, "1-3:1.0", "net", name)
        os.makedirs(net)
        for file, text in (("idVendor", ids[0]), ("idProduct", ids[1])):
            _write(os.path.join(device, file), text)
        for file, text in (("ifindex", ifindex), ("address", mac), ("type", 1)):
            _write(os.path.join(net, file), text)
        bus = os.path.join(self.sys, "bus", "usb")
        os.makedirs(bus, exist_ok=True)
        for folder in (device, os.path.dirname(os.path.dirname(net))):
            os.symlink(os.path.relpath(bus, folder), os.path.join(folder, "subsystem"))
        os.symlink("../..", os.path.join(net, "device"))
        os.symlink(os.path.relpath(net, os.path.join(self.sys, "class", "net")),
                   os.path.join(self.sys, "class", "net", name))
        if settled:
            self.settle(ifindex)

    def settle(self, ifindex):
        """udev is done with this interface."""
        _write(os.path.join(self.run, "udev", "data", "n%d" % ifindex),
               "I:1\nE:ID_BUS=usb\nG:systemd\n")

    def unsettle(self, ifindex):
        """udev has not finished with it."""
        os.unlink(os.path.join(self.run, "udev", "data", "n%d" % ifindex))

    def unplug(self):
        for name in os.listdir(os.path.join(self.sys, "class", "net")):
            os.unlink(os.path.join(self.sys, "class", "net", name))
        shutil.rmtree(os.path.join(self.sys, "devices"), ignore_errors=True)
        for name in os.listdir(os.path.join(self.run, "udev", "data")):
            os.unlink(os.path.join(self.run, "udev", "data", name))

    # Identity of the boot and of the machine

    def new_boot(self):
        _write(os.path.join(self.proc, "sys", "kernel", "random", "boot_id"), str(uuid.uuid4()))

    def new_machine(self):
        _write(self.machine_id, uuid.uuid4().hex)

    def set_product_uuid(self, text):
        for folder in (os.path.join(self.sys, "class", "dmi", "id"), os.path.join(self.dmi, "id")):
            os.makedirs(folder, exist_ok=True)
            _write(os.path.join(folder, "product_uuid"), text)

    def add_type42(self, raw, index=0):
        """One SMBIOS type 42 structure (bytes), as /sys/firmware/dmi/entries has it."""
        folder = os.path.join(self.dmi, "entries", "42-%d" % index)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "raw"), "wb") as file:
            file.write(raw)


def _write(path, text):
    with open(path, "w") as file:
        file.write("%s\n" % text)
