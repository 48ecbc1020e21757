"""Runs the commands of a session and draws a terminal with them and what they print, as SVG.

Started by docs/picture, which sets up a server and rich (the Python package that draws). A command begins in the first column and
goes on while lines are indented; a line that begins with # is a comment. What is shown is what ran, byte for byte.
No promise for output that a terminal would interpret: escape sequences and tabs are not expected.
"""

import io
import subprocess
import sys

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WIDTH = 100
# Light on dark, inside a frame of its own: readable on a light page and on a dark one.
THEME = TerminalTheme(
    (24, 28, 36),
    (222, 226, 232),
    [(24, 28, 36), (255, 120, 110), (126, 211, 133), (240, 200, 110), (120, 180, 250), (200, 160, 240), (110, 205, 210), (222, 226, 232)],
    [(140, 148, 160), (255, 150, 140), (150, 225, 155), (250, 215, 140), (150, 200, 255), (215, 185, 250), (140, 220, 225), (255, 255, 255)],
)
# rich's own page without fonts from the network and without the animation of its links
FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>A migration file is sent as one string; the capture table has one row for each command; the script rebuilds the schema</title>
<style>
.{unique_id}-matrix {{ font-family: DejaVu Sans Mono, Liberation Mono, Menlo, Consolas, monospace; font-size: {char_height}px; \
line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


def commands(session):
    """Each command with its lines, comments and empty lines alone."""
    found = []
    for line in session.splitlines():
        if line.startswith(" ") and found:
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def main(session, picture):
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for command in commands(open(session, encoding="utf-8").read()):
        if not command or command.startswith("#"):
            console.print(Text(command, style="bright_black"))
            continue
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold white")), soft_wrap=True)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{command}\n{done.stdout}")
        for line in done.stdout.rstrip("\n").splitlines():
            style = "yellow" if line.startswith(("NOTICE", "WARNING")) else ""
            console.print(Text(line.rstrip(), style=style), soft_wrap=True)
    svg = console.export_svg(title="dts_ddl_capture", theme=THEME, code_format=FORMAT, unique_id="dts")
    with open(picture, "w", encoding="utf-8") as file:
        file.write(svg)


main(*sys.argv[1:])
