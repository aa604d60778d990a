# SPDX-License-Identifier: Apache-2.0
"""The manual pages are the specification: what is there is in them, and nothing else."""
import os
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, run_ctl


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def rendered(page):
    path = os.path.join(ROOT, "man", page)
    return subprocess.run(["mandoc", "-T", "utf8", "-O", "width=200", path], check=True,
                          capture_output=True, text=True).stdout


def words(page):
    """The page's text without the overstrikes of bold and italics, in one line."""
    return " ".join(re.sub(".\b", "", rendered(page)).replace("‐", "-").split())


def config_keys(source):
    """{(section, key)} of a key table in C."""
    return set(re.findall(r'^\t\{"(\w+)", "(\w+)", \w+,', read(source), re.M))


def manual_keys(page):
    """{(section, key)} of a manual page: a section a .Ss, a key an .It Cm."""
    keys, section = set(), None
    for line in read("man", page).splitlines():
        if line.startswith(".Ss ["):
            section = line[5:].split("]")[0]
        elif line.startswith(".Sh"):
            section = None
        elif section and line.startswith(".It Cm "):
            names = [n for n in line[7:].split() if n != ","]
            keys |= {(section, name) for name in names}
    # Values of a key are listed in the same way: they are no keys.
    return keys - {(section, value) for section in ("Tls", "Endpoint")
                   for value in ("first-use", "pinned", "kcs", "auto")}


@pytest.mark.parametrize("source,page", [("src/host/settings.c", "bmclinkd.conf.5"),
                                         ("src/endpoint/settings.c", "endpoint.conf.5")])
def test_every_key_is_in_the_manual_and_no_other(source, page):
    keys = config_keys(source)
    assert len(keys) > 10
    assert manual_keys(page) == keys


def long_options(text):
    return set(re.findall(r"--([a-z][a-z-]+)", text))


@pytest.mark.parametrize("program,page", [
    ("src/ctl/bmclinkctl", "bmclinkctl.1"), ("src/host/bmclinkd", "bmclinkd.8"),
    ("src/endpoint/bmclink-endpoint", "bmclink-endpoint.8")])
def test_every_option_is_in_the_manual(program, page):
    program = os.path.join(BUILD, program)
    if not os.path.exists(program):
        pytest.skip("not built: " + program)
    done = subprocess.run([program, "--help"], check=True, capture_output=True, text=True)
    missing = {o for o in long_options(done.stdout) if "--" + o not in words(page)}
    assert not missing
    for option in long_options(words(page)):  # and what the manual has is taken
        text = subprocess.run(["strings", "-n", "4", program], check=True, capture_output=True,
                              text=True).stdout.split("\n")
        # a linker keeps "relay" as the end of "--relay"
        assert option in text or "--" + option in text or option in done.stdout, option


def test_every_command_is_in_the_manual():
    table = re.findall(r'^\t\{"([a-z-]+)", (?:NULL|"([a-z]+)"), ', read("src/ctl/main.c"), re.M)
    assert len(table) > 15
    text = words("bmclinkctl.1")
    for verb, action in table:
        assert verb in text and action in text
    help_text = run_ctl("--help").stdout
    for code in re.findall(r"(\d) [a-z]", help_text.split("Exit codes:")[1]):
        assert re.search(r"EXIT STATUS.* %s [A-Z]" % code, text), code


def test_control_protocol_names_every_command():
    text = read("docs/control-protocol.md")
    named = set(re.findall(r"^\| `([a-z-]+)` \|", text, re.M))
    asked = set()
    for name in os.listdir(os.path.join(ROOT, "src/ctl")):
        if name.endswith(".c"):
            asked |= set(re.findall(r'"command", "([a-z-]+)"', read("src/ctl", name)))
    assert asked <= named
    agent = os.path.join(ROOT, "src/host/agent_control.c")
    if os.path.exists(agent):
        commands = set(re.findall(r'^\t\{"([a-z-]+)",\s+(?:true|false),', read(agent), re.M))
        assert commands and commands | {"events"} == named


def test_message_list_is_current():
    subprocess.run([os.path.join(ROOT, "data/make-message-docs.py"), "--check",
                    os.path.join(ROOT, "data/messages.json"),
                    os.path.join(ROOT, "docs/messages.md")], check=True)


def test_every_test_of_the_table_of_bmcs_exists():
    """docs/bmcs.md: quirk -> test; a name in it that is no test is a promise that nobody keeps."""
    names = set()
    for line in read("docs", "bmcs.md").splitlines():
        if line.startswith("|"):
            names |= set(re.findall(r"`((?:test_\w+)|(?:\w*credentials))`", line))
    names |= set(re.findall(r"`(test_\w+)`", read("docs", "bmcs.md"))) - {"test_sse"}
    sources = ""
    for folder in ("unit", "net"):
        for name in os.listdir(os.path.join(ROOT, "tests", folder)):
            if name.startswith("test_") and name.endswith((".c", ".py")):
                sources += read("tests", folder, name)
    assert len(names) > 50
    missing = {name for name in names - {"test_sse"}
               if not re.search(r"\b(def|void) %s\(" % name, sources)}
    assert not missing
