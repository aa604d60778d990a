# SPDX-License-Identifier: Apache-2.0
"""docs/mandate.md stays true: every sentence has a row, and every test that a row names exists."""
import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read()


def rows():
    return [line for line in read("docs/mandate.md").splitlines() if re.match(r"\| S\d", line)]


def known_tests():
    names = set()
    for path in glob.glob(os.path.join(ROOT, "tests", "*", "*")):
        if path.endswith(".py"):
            names |= set(re.findall(r"^def (test_\w+)\(", read(path), re.M))
        elif path.endswith(".c"):
            names |= set(re.findall(r"^static void (\w+)\(void \*\*", read(path), re.M))
            names.add(os.path.basename(path)[:-2])
    return names


def test_every_sentence_has_a_row():
    numbers = []
    for row in rows():
        first, last = re.match(r"\| S(\d+)(?:-S(\d+))? \|", row).groups()
        numbers += range(int(first), int(last or first) + 1)
    assert numbers == list(range(1, 34))


def test_every_named_test_exists():
    known = known_tests()
    for row in rows():
        proof = row.split("|")[4]
        named = [n for n in re.findall(r"`([^`]+)`", proof) if re.fullmatch(r"[a-z0-9_*]+", n)]
        for name in named:
            pattern = re.escape(name).replace(r"\*", ".*")
            assert any(re.fullmatch(pattern, k) for k in known), "%s: no test %s" % (row[:8], name)
        assert named or "meson.build" in proof or "*later*" in proof, row


def test_every_test_that_a_page_names_exists():
    known = known_tests()
    pages = ["README.md", "SECURITY.md"] + [
        os.path.relpath(page, ROOT) for page in glob.glob(os.path.join(ROOT, "docs", "*.md"))]
    for page in pages:
        named = set(re.findall(r"`(test_\w+)`", read(page)))
        paths = set(re.findall(r"`(tests/[\w/]+\.\w+)", read(page)))
        assert named <= known, "%s: no test %s" % (page, named - known)
        assert [p for p in paths if not os.path.exists(os.path.join(ROOT, p))] == [], page


def test_every_claim_about_security_has_its_test():
    """docs/security.md: what an attacker cannot do is shown by a test that exists."""
    known = known_tests()
    claims = [line for line in read("docs/security.md").splitlines()
              if re.match(r"\| [a-z]", line) and "shown by" not in line and "`test_" in line]
    named = set(re.findall(r"`(test_\w+)`", read("docs/security.md")))
    assert len(claims) > 25 and named - known == set()
