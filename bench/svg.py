# SPDX-License-Identifier: Apache-2.0
"""The little of SVG that the plots need: text, lines, bars, in colours for light and dark pages."""
from xml.sax.saxutils import escape

# class: (property, light, dark)
COLOURS = (
    ("paper", "fill", "#ffffff", "#0d1117"),
    ("text", "fill", "#1c2733", "#e6edf3"),
    ("faint", "fill", "#57606a", "#9198a1"),
    ("grid", "stroke", "#d0d7de", "#30363d"),
    ("axis", "stroke", "#57606a", "#9198a1"),
    ("good", "fill", "#1f7a4d", "#3fb950"),
    ("bad", "fill", "#b36b00", "#d29922"),
    ("line0", "stroke", "#0969da", "#58a6ff"),
    ("line1", "stroke", "#1f7a4d", "#3fb950"),
    ("line2", "stroke", "#b36b00", "#d29922"),
    ("line3", "stroke", "#8250df", "#bc8cff"),
    ("dot0", "fill", "#0969da", "#58a6ff"),
    ("dot1", "fill", "#1f7a4d", "#3fb950"),
    ("dot2", "fill", "#b36b00", "#d29922"),
    ("dot3", "fill", "#8250df", "#bc8cff"),
)


def _style():
    def rules(index):
        return "\n".join("  .%s { %s: %s; }" % (c[0], c[1], c[index]) for c in COLOURS)
    return ("  text { font-family: \"DejaVu Sans\", Verdana, sans-serif; font-size: 12.5px; }\n"
            "  .head { font-size: 14px; font-weight: bold; }\n"
            "  .grid, .axis { stroke-width: 1; }\n"
            "  .line0, .line1, .line2, .line3 { stroke-width: 2; fill: none; }\n%s\n"
            "  @media (prefers-color-scheme: dark) {\n%s\n  }" % (rules(2), rules(3)))


class Drawing:
    def __init__(self, width, label):
        self.width, self.label, self.parts = width, label, []

    def text(self, x, y, text, kind="text", anchor="start"):
        self.parts.append('<text class="%s" x="%.1f" y="%.1f"%s>%s</text>' % (
            kind, x, y, "" if anchor == "start" else ' text-anchor="%s"' % anchor, escape(text)))

    def line(self, x1, y1, x2, y2, kind):
        self.parts.append('<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>' % (
            kind, x1, y1, x2, y2))

    def bar(self, x1, x2, y, height, kind):
        self.parts.append('<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>' % (
            kind, min(x1, x2), y, max(0.5, abs(x2 - x1)), height))

    def curve(self, points, number):
        self.parts.append('<polyline class="line%d" points="%s"/>' % (
            number, " ".join("%.1f,%.1f" % p for p in points)))
        for x, y in points:
            self.parts.append('<circle class="dot%d" cx="%.1f" cy="%.1f" r="3.5"/>' % (
                number, x, y))

    def save(self, path, height):
        with open(path, "w") as file:
            file.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" '
                       'height="%d" role="img" aria-label="%s">\n'
                       "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
                       "<!-- Made by bench/plot; do not edit. -->\n<style>\n%s\n</style>\n"
                       '<rect class="paper" width="%d" height="%d"/>\n%s\n</svg>\n' % (
                           self.width, height, self.width, height,
                           escape(self.label, {'"': "&quot;"}), _style(), self.width, height,
                           "\n".join(self.parts)))
