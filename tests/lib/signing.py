# SPDX-License-Identifier: Apache-2.0
"""Keys and signatures by minisign(1): each test makes its own."""
import os
import subprocess


class Key:
    """A key pair without a password, in a folder of the test's."""

    def __init__(self, folder, name="key"):
        self.public = os.path.join(str(folder), name + ".pub")
        self.secret = os.path.join(str(folder), name + ".sec")
        subprocess.run(["minisign", "-G", "-W", "-f", "-p", self.public, "-s", self.secret],
                       check=True, stdout=subprocess.DEVNULL)
        with open(self.public) as file:
            self.id = file.readline().split()[-1].zfill(16)

    def sign(self, path, comment=None, legacy=False):
        """PATH.minisig; returns its path."""
        out = str(path) + ".minisig"
        command = ["minisign", "-S", "-s", self.secret, "-m", str(path), "-x", out]
        command += ["-t", comment] if comment else []
        command += ["-l"] if legacy else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                       stdin=subprocess.DEVNULL)
        return out
