# SPDX-License-Identifier: Apache-2.0
"""The virtual server: boots it in QEMU, runs commands in it, takes it back to a snapshot.

    with Guest.booted() as guest:          # two seconds: from the snapshot of a booted system
        guest.sh('bmclinkctl status')      # an error raises GuestError with what it printed
        guest.snapshot('installed')
        guest.reboot()
        guest.restore('installed')

Nothing here sleeps for a fixed time: conditions are waited for, with a deadline each.
"""

import base64
import contextlib
import itertools
import json
import os
import queue
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import disks

HERE = Path(__file__).resolve().parent
TYPE42 = HERE.parent / 'data/smbios42'
QEMU = 'qemu-system-x86_64'
MEMORY = 768
# Others may be at work on this machine: a deadline is there to end a hang, not to measure.
BOOT_SECONDS = 900
UUID = '7b6d2f1e-4c41-4b0e-9a53-0123456789ab'


class GuestError(Exception):
    pass


class Result:
    """What a command left: code, out, err (text)."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.raw = argv, code, out
        self.out, self.err = (data.decode(errors='replace') for data in (out, err))

    def __str__(self):
        end = 'ran out of time' if self.code is None else f'ended with {self.code}'
        return f'{shlex.join(self.argv)}: {end}\n{self.out}{self.err}'


def until(what, condition, seconds=30, pause=0.1):
    """Wait for condition() to be true, and give back what it said."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise GuestError(f'not within {seconds} s: {what}')
        time.sleep(pause)


class Line:
    """The command agent's port: requests out, answers by their id."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.ids = itertools.count(int(time.time() * 1000) % 10**9 * 1000)
        self.waiting = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        pending = b''
        with contextlib.suppress(OSError):
            while data := self.socket.recv(1 << 20):
                *lines, pending = (pending + data).split(b'\n')
                for line in lines:
                    self.answer(line)
        for box in list(self.waiting.values()):
            box.put(None)

    def answer(self, line):
        try:
            answer = json.loads(line)
        except ValueError:
            # Half a line of an agent that went with a reboot
            return
        box = self.waiting.pop(answer.get('id'), None)
        if box:
            box.put(answer)

    def ask(self, seconds, **request):
        ident = next(self.ids)
        box = self.waiting[ident] = queue.Queue()
        with self.lock:
            self.socket.sendall(json.dumps({'id': ident, **request}).encode() + b'\n')
        try:
            answer = box.get(timeout=seconds)
        except queue.Empty:
            answer = None
        self.waiting.pop(ident, None)
        return answer

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Monitor:
    """QEMU's own control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.file = self.socket.makefile('rb')
        json.loads(self.file.readline())
        self.ask('qmp_capabilities')

    def ask(self, command, **arguments):
        self.socket.sendall(json.dumps({'execute': command, 'arguments': arguments}).encode())
        while True:
            line = self.file.readline()
            if not line:
                raise GuestError('QEMU is gone')
            answer = json.loads(line)
            if 'error' in answer:
                raise GuestError(f'{command}: {answer["error"]["desc"]}')
            if 'return' in answer:
                return answer['return']

    def human(self, command):
        said = self.ask('human-monitor-command', **{'command-line': command})
        if said.strip():
            raise GuestError(f'{command}: {said.strip()}')

    def close(self):
        self.file.close()
        self.socket.close()


class Guest:
    def __init__(self, disk, kernel_folder, type42=TYPE42 / 'dell_r740.raw', append=''):
        self.disk, self.kernel_folder = Path(disk), Path(kernel_folder)
        self.type42, self.append = type42, append
        self.process = self.line = self.monitor = None
        self.seconds = 0
        self.folder = Path(tempfile.mkdtemp(prefix='bmclink-vm.'))
        self.console = self.folder / 'console.log'

    # --- the machine ------------------------------------------------------------------------------

    @classmethod
    @contextlib.contextmanager
    def fresh(cls, **options):
        """A machine that is switched off, with a disk of its own that nobody has booted from."""
        folder = disks.image()
        with tempfile.TemporaryDirectory(prefix='bmclink-disk.') as place:
            disk = Path(place) / 'disk.qcow2'
            disks.overlay(folder / 'base.qcow2', disk)
            guest = cls(disk, folder, **options)
            try:
                yield guest
            finally:
                guest.close()

    @classmethod
    def prepare(cls):
        """What booted() begins with, into the cache."""
        folder = disks.image()
        with disks.locked(folder):
            disks.booted_disk(cls, folder)

    @classmethod
    @contextlib.contextmanager
    def booted(cls, states=None):
        """A machine with type 42 of a Dell R740, booted, with the BMC's world ready. With states
        (disks.States) its disk has their snapshots too."""
        folder = disks.image()
        with tempfile.TemporaryDirectory(prefix='bmclink-disk.') as place:
            disk = Path(place) / 'disk.qcow2'
            disks.copy_booted(cls, folder, disk, states)
            guest = cls(disk, folder)
            try:
                guest.start(snapshot='booted')
                yield guest
            finally:
                guest.close()

    def arguments(self, snapshot):
        port = 'virtserialport,chardev={0},name=org.bmclink.{0}'
        path = self.folder
        return [
            QEMU, '-nodefaults', '-display', 'none', '-machine', 'pc',
            # One processor: the second one of the machine under it is another guest's.
            '-accel', 'tcg,tb-size=256', '-cpu', 'max', '-smp', '1',
            '-m', str(MEMORY), '-uuid', UUID,
            '-smbios', f'file={self.type42}',
            '-smbios', 'type=1,manufacturer=bmclink,product=Virtual Server,serial=VS0001',
            '-kernel', str(self.kernel_folder / 'vmlinuz'),
            '-initrd', str(self.kernel_folder / 'initrd.gz'),
            # Without tsc=reliable Linux distrusts TCG's, and each look at the clock is a slow one.
            # With high resolution timers dummy_hcd looks for work 8000 times a second, which takes
            # half of this machine; without them each 4 ms.
            '-append', 'console=ttyS0 quiet loglevel=4 panic=0 audit=1 mitigations=off '
            f'tsc=reliable highres=off {self.append}'.strip(),
            '-drive', f'file={self.disk},if=virtio,format=qcow2,cache=writeback',
            '-serial', f'file:{self.console}',
            '-qmp', f'unix:{path}/qmp,server=on,wait=off',
            '-device', 'virtio-serial-pci',
            '-chardev', f'socket,id=agent,path={path}/agent,server=on,wait=off',
            '-device', port.format('agent'),
            # The commands of the KCS leave by one socket and come back by the other, to the
            # namespace of this same machine that plays its BMC.
            '-chardev', f'socket,id=ipmi,path={path}/ipmi,server=on,wait=off',
            '-device', port.format('ipmi'),
            '-chardev', f'socket,id=kcs,path={path}/ipmi,reconnect=1',
            '-device', 'ipmi-bmc-extern,id=bmc0,chardev=kcs',
            '-device', 'isa-ipmi-kcs,bmc=bmc0',
            *(['-loadvm', snapshot] if snapshot else []),
        ]

    def start(self, snapshot=None, ready=True):
        """Power on, and wait until systemd has nothing left to do."""
        for name in ('qmp', 'agent', 'ipmi'):
            (self.folder / name).unlink(missing_ok=True)
        with open(self.folder / 'qemu.log', 'ab') as log:
            self.process = subprocess.Popen(self.arguments(snapshot), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        for name in ('qmp', 'agent'):
            until(f'QEMU listens on {name}', lambda: (self.folder / name).exists() or self.died())
        self.monitor = Monitor(self.folder / 'qmp')
        self.line = Line(self.folder / 'agent')
        if snapshot:
            self.wait_answering()
            self.set_clock()
        elif ready:
            self.wait_booted()

    def processor_seconds(self):
        """What its QEMUs have taken so far: nearly the time that an idle machine would need."""
        if not self.process or self.process.poll() is not None:
            return self.seconds
        fields = Path(f'/proc/{self.process.pid}/stat').read_text().rpartition(')')[2].split()
        return self.seconds + (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def died(self):
        if self.process.poll() is not None:
            raise GuestError(f'QEMU ended: {(self.folder / "qemu.log").read_text()}')

    def wait_answering(self):
        until('the command agent answers', lambda: self.died() or self.line.ask(2, argv=['true']),
              BOOT_SECONDS)

    def wait_booted(self):
        """Booted is when systemd says so: every job done, whatever came of it."""
        self.wait_answering()
        state = self.run(['systemctl', 'is-system-running', '--wait'], timeout=BOOT_SECONDS,
                         check=False)
        if state.out.strip() not in ('running', 'degraded'):
            raise GuestError(f'not booted: {state}')

    def set_clock(self):
        """A machine that comes out of a snapshot has slept, and does not know it."""
        self.run(['date', '--set', f'@{time.time():.3f}'])

    def snapshot(self, name):
        self.monitor.human(f'savevm {name}')

    def restore(self, name):
        """Back to a snapshot. In a new QEMU: the same one would not let the processor's clock go
        back, and the guest would take that for hours in which it was stuck."""
        self.stop_process(signal.SIGTERM)
        self.start(snapshot=name)

    def reboot(self):
        """Reboot in good order, and wait until it is up again."""
        before = self.boot_id()
        self.run(['systemctl', 'reboot', '--no-block'])
        self.wait_next_boot(before)

    def boot_id(self):
        return self.text('/proc/sys/kernel/random/boot_id')

    def wait_next_boot(self, before):
        def another():
            self.died()
            answer = self.line.ask(2, argv=['cat', '/proc/sys/kernel/random/boot_id'])
            return answer and base64.b64decode(answer['out']).decode().strip() != before
        until('another boot has begun', another, BOOT_SECONDS)
        self.wait_booted()

    def power_cut(self):
        """The plug is pulled: what is not on the disk is lost. start() boots again."""
        self.stop_process(signal.SIGKILL)

    def stop_process(self, sign):
        if not self.process:
            return
        self.seconds = self.processor_seconds()
        for end in (self.line, self.monitor):
            if end:
                end.close()
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = self.line = self.monitor = None

    def close(self):
        self.stop_process(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- commands ---------------------------------------------------------------------------------

    def run(self, argv, *, data=b'', timeout=60, check=True, env=None):
        """One program with its arguments, as root."""
        answer = self.line.ask(timeout + 30, argv=[str(arg) for arg in argv], timeout=timeout,
                               input=base64.b64encode(data).decode(), env=env or {})
        if answer is None:
            self.died()
            raise GuestError(f'no answer: {shlex.join(map(str, argv))}\n{self.console_end()}')
        result = Result([str(arg) for arg in argv], answer['code'],
                        base64.b64decode(answer['out']), base64.b64decode(answer['err']))
        if result.code is None or check and result.code:
            raise GuestError(str(result))
        return result

    def sh(self, script, **options):
        """A piece of shell (dash, set -e); gives back what it printed, without the last newline."""
        return self.run(['/bin/sh', '-ec', script], **options).out.rstrip('\n')

    def bmc(self, script, **options):
        """A piece of shell in the BMC's network namespace."""
        return self.run(['ip', 'netns', 'exec', 'bmc', '/bin/sh', '-ec', script],
                        **options).out.rstrip('\n')

    def json(self, script, **options):
        return json.loads(self.sh(script, **options))

    def text(self, path):
        return self.run(['cat', path]).out.rstrip('\n')

    def put(self, path, data, mode='644'):
        """Write a file; its folders are made."""
        data = data.encode() if isinstance(data, str) else data
        self.run(['/bin/sh', '-ec', 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"', 'sh',
                  path, mode], data=data, timeout=120)

    def copy_in(self, source, path):
        self.put(path, Path(source).read_bytes(), f'{os.stat(source).st_mode & 0o777:o}')

    def get(self, path):
        return self.run(['cat', path], timeout=120).raw

    def until(self, what, script, seconds=60, pause=0.4):
        """Wait for a piece of shell to succeed; gives back what it printed."""
        result = None

        def succeeds():
            nonlocal result
            result = self.run(['/bin/sh', '-ec', script], check=False)
            return result.code == 0
        try:
            until(what, succeeds, seconds, pause)
        except GuestError as error:
            raise GuestError(f'{error}\nlast: {result}') from None
        return result.out.rstrip('\n')

    # --- for failures -----------------------------------------------------------------------------

    def console_end(self, lines=30):
        text = self.console.read_text(errors='replace') if self.console.exists() else ''
        return '\n'.join(text.splitlines()[-lines:])

    def story(self):
        """What a person wants to see of this machine when a test has failed."""
        out = [f'--- console\n{self.console_end()}']
        for script in ('systemctl --failed --no-legend --plain',
                       'journalctl -b --no-pager -o short-monotonic -n 80',
                       'ip -br addr; ip -br -n bmc addr'):
            try:
                out.append(f'--- {script}\n{self.sh(script, check=False, timeout=30)}')
            except (GuestError, OSError) as error:
                out.append(f'--- {script}: {error}')
        return '\n'.join(out)
