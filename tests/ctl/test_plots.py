# SPDX-License-Identifier: Apache-2.0
"""The plots in docs/ are what bench/plot makes of the figures in docs/figures/."""
import glob
import json
import os
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import ROOT

FIGURES = sorted(glob.glob(os.path.join(ROOT, "docs/figures/*.json")))


def plot(folder, files):
    subprocess.run([os.path.join(ROOT, "bench/plot"), str(folder), *files], check=True)


def read(path):
    with open(path) as file:
        return file.read()


PLOTS = [path for path in sorted(glob.glob(os.path.join(ROOT, "docs/*.svg")))
         if "Made by bench/plot" in read(path)]


@pytest.mark.parametrize("path", PLOTS, ids=os.path.basename)
def test_plot_is_of_these_figures(path, tmp_path):
    plot(tmp_path, FIGURES)
    assert read(tmp_path / os.path.basename(path)) == read(path), \
        "bench/plot docs docs/figures/*.json makes another one"
    xml.etree.ElementTree.parse(path)
    assert "prefers-color-scheme: dark" in read(path)


def test_other_figures_make_another_plot(tmp_path):
    with open(os.path.join(ROOT, "docs/figures/link.json")) as file:
        figures = json.load(file)
    for section in figures["sections"]:
        for row in section["rows"]:
            row["samples"] = [2 * s if row["name"].startswith("nginx") else s
                              for s in row["samples"]]
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(figures))
    plot(tmp_path, [f for f in FIGURES if not f.endswith("/link.json")] + [str(changed)])
    assert read(tmp_path / "performance.svg") != read(os.path.join(ROOT, "docs/performance.svg"))


def test_pages_show_every_plot():
    assert PLOTS
    pages = read(os.path.join(ROOT, "docs/performance.md"))
    for path in PLOTS:
        assert "(%s)" % os.path.basename(path) in pages, path
    assert "(docs/performance.svg)" in read(os.path.join(ROOT, "README.md"))
