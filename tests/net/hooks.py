# SPDX-License-Identifier: Apache-2.0
"""A folder of hooks for bmclink-endpoint: scripts that answer with what a test has written."""
import os


class Hooks:
    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder)
        self.data = self.folder + ".data"
        os.makedirs(self.data)
        self.write("power", "Off\n")

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, text, mode=0o755):
        with open(self.path(name), "w") as file:
            file.write("#!/bin/sh\nD=%s\n%s" % (self.data, text))
        os.chmod(self.path(name), mode)

    def write(self, name, text):
        with open(os.path.join(self.data, name), "w") as file:
            file.write(text)

    def read(self, name):
        try:
            with open(os.path.join(self.data, name)) as file:
                return file.read()
        except FileNotFoundError:
            return ""
