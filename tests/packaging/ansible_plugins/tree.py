# SPDX-License-Identifier: Apache-2.0
"""Connection plugin of the test: a host is a folder with a system in it (ansible_host)."""
import os
import shlex

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
    name: tree
    short_description: A folder with a system in it
    description: chroot(8), as root.
    author: The bmclink project
    options: {}
"""


class Connection(Local):
    transport = "tree"

    def _connect(self):
        if not os.path.isdir(self._play_context.remote_addr):
            raise AnsibleConnectionFailure("there is no such host")
        return super()._connect()

    def exec_command(self, cmd, in_data=None, sudoable=True):
        inside = "chroot %s /bin/sh -c %s" % (shlex.quote(self._play_context.remote_addr),
                                              shlex.quote(cmd))
        return super().exec_command(inside, in_data=in_data, sudoable=sudoable)

    def put_file(self, in_path, out_path):
        super().put_file(in_path, self._play_context.remote_addr + out_path)

    def fetch_file(self, in_path, out_path):
        super().fetch_file(self._play_context.remote_addr + in_path, out_path)
