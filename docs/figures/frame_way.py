"""Draw docs/figures/frame-way.svg, the way of a frame: python docs/figures/frame_way.py"""

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 1180, 560
FONT = "font-family='DejaVu Sans, Arial, sans-serif'"
BANDS = (
    (20, 20, 330, 330, "#eaf2f8", "thread: reader"),
    (370, 20, 510, 330, "#eef7ee", "thread: run (headless: the main thread)"),
    (900, 20, 260, 330, "#fdf3e3", "thread: window (the main thread)"),
    (20, 370, 1140, 170, "#f2f2f2", "on disk"),
)
BOXES = (
    (40, 70, 130, 70, "folder listing", "which names are new", "sources/folder/listing.py"),
    (200, 70, 130, 70, "is it whole?", "Taken, GivenUp, wait", "sources/folder/candidate.py"),
    (200, 250, 130, 70, "Frame", "image, time, header", "flow/frame.py"),
    (390, 250, 140, 70, "integrate", "Frame → Pattern", "integration/integrate.py"),
    (560, 250, 140, 70, "refine", "Pattern → Fit", "refinement/tracking/"),
    (720, 250, 140, 70, "judge", "Fit → Verdict", "reaction/live/judge.py"),
    (720, 70, 140, 70, "record", "Row → recorded_s", "record/run_file/writer.py"),
    (560, 70, 140, 70, "series", "rows in memory", "flow/series.py"),
    (390, 70, 140, 70, "listeners", "JSON line, log, on_state", "pipeline/loop.py"),
    (920, 70, 220, 70, "pull, ten times a second", "snapshot of the series", "app/window/main_window.py"),
    (920, 250, 220, 70, "paint", "map, trace, pattern, banner", "widgets/"),
    (40, 420, 290, 80, "the scan's folder", "written by the detector", "frames, .poni, experiment.toml"),
    (390, 420, 300, 80, "RUN.h5.journal", "every row, CRC, commit mark", "record/run_file/journal.py"),
    (720, 420, 300, 80, "RUN.h5", "blocks: 128 rows or 1 s", "record/run_file/nexus.py"),
)
ARROWS = (
    ((105, 420), (105, 140), ""),
    ((170, 105), (200, 105), ""),
    ((265, 140), (265, 250), "whole"),
    ((330, 285), (390, 285), ""),
    ((530, 285), (560, 285), ""),
    ((700, 285), (720, 285), ""),
    ((790, 250), (790, 140), ""),
    ((720, 105), (700, 105), ""),
    ((560, 125), (530, 125), ""),
    ((1030, 140), (1030, 250), ""),
    ((690, 460), (720, 460), ""),
)
PATHS = ("M 630 70 L 630 58 L 1030 58 L 1030 70", "M 860 105 L 880 105 L 880 400 L 540 400 L 540 420")
NOTES = (
    (258, 190, "end", "else: tried again, or a gap"),
    (640, 52, "start", "read-only snapshots, no copy"),
    (560, 392, "start", "first the journal, then, in blocks, the run file"),
    (112, 395, "start", "list, then read"),
    (360, 242, "middle", "1 to 16"),
)


def label(x: float, y: float, text: str, size: int = 12, colour: str = "#222", **more: str) -> str:
    extra = "".join(f" {name.replace('_', '-')}='{value}'" for name, value in more.items())
    return f"<text x='{x}' y='{y}' {FONT} font-size='{size}' fill='{colour}'{extra}>{escape(text)}</text>"


def drawing() -> str:
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}'>",
        "<title>The way of a frame through LatticeWatch</title>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#ffffff'/>",
    ]
    for x, y, width, height, colour, words in BANDS:
        parts.append(f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='10' fill='{colour}'/>")
        parts.append(label(x + 12, y + 22, words, 13, "#555", font_style="italic"))
    for (x1, y1), (x2, y2), words in ARROWS:
        parts.append(f"<path d='M {x1} {y1} L {x2} {y2}' fill='none' stroke='#444' stroke-width='1.6'/>")
        parts.append(head(x1, y1, x2, y2))
        if words:
            parts.append(label((x1 + x2) / 2 + 6, (y1 + y2) / 2 - 8, words, 11, "#555"))
    for path in PATHS:
        parts.append(f"<path d='{path}' fill='none' stroke='#444' stroke-width='1.6'/>")
        numbers = [float(word) for word in path.split() if word not in "ML"]
        parts.append(head(*numbers[-4:]))
    for x, y, width, height, name, does, where in BOXES:
        parts.append(f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='6' fill='#fff' stroke='#444'/>")
        middle = x + width / 2
        parts.append(label(middle, y + 22, name, 14, text_anchor="middle", font_weight="bold"))
        parts.append(label(middle, y + 41, does, 11, text_anchor="middle"))
        parts.append(label(middle, y + 58, where, 9, "#666", text_anchor="middle"))
    parts += [label(x, y, words, 11, "#555", text_anchor=anchor) for x, y, anchor, words in NOTES]
    return "\n".join([*parts, "</svg>"]) + "\n"


def head(x1: float, y1: float, x2: float, y2: float) -> str:
    """The head of an arrow that ends at (x2, y2); plain shapes only, so that every viewer draws it."""
    across = (x2 > x1) - (x2 < x1)
    down = (y2 > y1) - (y2 < y1)
    back_x, back_y = x2 - 8 * across, y2 - 8 * down
    corners = f"{x2},{y2} {back_x - 4 * down},{back_y - 4 * across} {back_x + 4 * down},{back_y + 4 * across}"
    return f"<polygon points='{corners}' fill='#444'/>"


if __name__ == "__main__":
    Path(__file__).with_name("frame-way.svg").write_text(drawing(), encoding="utf-8")
