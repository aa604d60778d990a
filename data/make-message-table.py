#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make message-table.h (enum and table) from messages.json; the build runs it."""
import json
import re
import sys


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main(source, target):
    with open(source, encoding="utf-8") as f:
        messages = json.load(f)["Messages"]
    severities = {"OK": "SEVERITY_OK", "Warning": "SEVERITY_WARNING",
                  "Critical": "SEVERITY_CRITICAL"}
    for name, m in messages.items():
        used = [int(n) for n in re.findall(r"%(\d)", m["Message"] + m["Resolution"])]
        if max(used, default=0) != m["NumberOfArgs"] or len(m["ParamTypes"]) != m["NumberOfArgs"]:
            sys.exit(f"{source}: {name}: NumberOfArgs does not fit the text")
        if m["NumberOfArgs"] > 6:
            sys.exit(f"{source}: {name}: more than 6 arguments")
    lines = ["/* Made from messages.json by make-message-table.py. */",
             "#ifndef BMCLINK_MESSAGE_TABLE_H", "#define BMCLINK_MESSAGE_TABLE_H", "",
             "enum message_id {"]
    lines += [f"\tMSG_{name}," for name in messages] + ["\tMSG_COUNT", "};", ""]
    lines += ["#define MESSAGE_TABLE \\"]
    for name, m in messages.items():
        lines.append(f'\t{{"{name}", {severities[m["MessageSeverity"]]}, {m["NumberOfArgs"]}, '
                     f'{c_string(m["Message"])}, {c_string(m["Resolution"])}}}, \\')
    lines += ["", "#endif", ""]
    with open(target, "w", encoding="utf-8") as f:
        f.write("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
