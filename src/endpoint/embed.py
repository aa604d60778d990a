#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make a C header with a file's bytes: embed.py NAME SOURCE TARGET; the build runs it."""
import sys


def main(name, source, target):
    with open(source, "rb") as f:
        data = f.read()
    rows = [data[i:i + 16] for i in range(0, len(data), 16)]
    with open(target, "w", encoding="ascii") as f:
        f.write("/* Made by embed.py. */\n")
        f.write(f"static const unsigned char {name}[{len(data)}] = {{\n")
        f.writelines("\t" + " ".join(f"{b:d}," for b in row) + "\n" for row in rows)
        f.write("};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
