#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make docs/messages.md from messages.json; with --check only say whether it is current."""
import json
import re
import sys

HEAD = """\
# Messages

What the agent and the endpoint tell an administrator: on the host in the journal and in
`bmclinkctl events`, on the BMC in the Lifecycle log. Numbers below ISM1000 keep the meaning that
they have in Dell's service module. `%1` and so on are the arguments, `args` in JSON.

This page is made from `data/messages.json` by `data/make-message-docs.py`; do not edit it.

| id | severity | text | what to do |
|---|---|---|---|
"""


def cell(text):
    text = text.replace("\\", "\\\\").replace("|", "\\|")
    return re.sub(r"%(\d)", r"*%\1*", text)


def make(messages):
    rows = []
    for name in sorted(messages, key=lambda n: (len(n), n)):
        m = messages[name]
        rows.append("| %s | %s | %s | %s |\n" % (name, m["MessageSeverity"], cell(m["Message"]),
                                                 cell(m["Resolution"])))
    return HEAD + "".join(rows)


def main(arguments):
    check = "--check" in arguments
    source, target = [a for a in arguments if a != "--check"]
    with open(source, encoding="utf-8") as file:
        text = make(json.load(file)["Messages"])
    if check:
        with open(target, encoding="utf-8") as file:
            if file.read() == text:
                return 0
        print("%s is not current: run data/make-message-docs.py %s %s" % (target, source, target))
        return 1
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
