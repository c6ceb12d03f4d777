"""What the keys and menus do with frames, views and alarms. They are handed what they act on."""

from collections.abc import Callable
from functools import partial

from latticewatch.app.window.alarms import WindowAlarms
from latticewatch.app.window.docks import Docks
from latticewatch.app.window.keys import Command
from latticewatch.app.window.run_page import RunPage

VIEW = "&View"

Act = Callable[[], None]
OnPage = Callable[[Callable[[RunPage], object]], Act]
"""Makes of what is done to a page an act on the page that is shown by then."""
Holds = Callable[[Callable[[RunPage], bool]], Callable[[], bool]]
"""Makes of a question to a page one to the page that is shown by then; no where none is."""


def frame_commands(page: OnPage, holds: Holds, to_change: Callable[[int], None], unpin: Act) -> list[Command]:
    """Which frame is shown, and which are pinned. to_change: shows the change of state before or after."""
    menu = "&Frame"
    looks_back = holds(lambda page: page.chosen is not None)
    pinned = holds(lambda page: bool(page.pattern.pins()))
    return [
        Command(menu, "Newest frame, from now on", ("N", "End", "Esc"), page(lambda page: page.choose(None)), "to"),
        Command(menu, "First frame", ("Home",), page(lambda page: page.choose(0)), "to"),
        Command(menu, "One frame back", ("Left",), page(lambda page: page.step(-1)), "step"),
        Command(menu, "One frame forward", ("Right",), page(lambda page: page.step(1)), "step", can=looks_back),
        Command(menu, "Ten frames back", ("Shift+Left", "PgUp"), page(lambda page: page.step(-10)), "step"),
        Command(
            menu,
            "Ten frames forward",
            ("Shift+Right", "PgDown"),
            page(lambda page: page.step(10)),
            "step",
            can=looks_back,
        ),
        Command(menu, "Previous change of state", ("Ctrl+Left",), lambda: to_change(-1), "change"),
        Command(menu, "Next change of state", ("Ctrl+Right",), lambda: to_change(1), "change"),
        Command(menu, "Pin this pattern", ("P",), page(lambda page: page.pin()), "pin"),
        Command(menu, "Pin the start and a minute after", ("Ctrl+P",), page(lambda page: page.pin_beginning()), "pin"),
        Command(menu, "Unpin all patterns", ("Shift+P",), unpin, "pin", can=pinned),
    ]


def view_commands(page: OnPage, holds: Holds) -> list[Command]:
    """What the views of a page show."""
    menu, on = VIEW, holds
    return [
        Command(
            menu,
            "Whole run, followed as it grows",
            ("F",),
            page(lambda page: page.follow()),
            "range",
            on(lambda page: page.follows),
        ),
        Command(
            menu,
            "Zoom back",
            ("Backspace",),
            page(lambda page: page.zoom_back()),
            "range",
            can=on(lambda page: page.can_zoom_back()),
        ),
        Command(
            menu,
            "Map: whole pattern",
            ("W",),
            page(lambda page: page.map.toggle_whole()),
            "map",
            on(lambda page: page.map.whole),
        ),
        Command(menu, "Map: next mode", ("D",), page(lambda page: page.map.bar.next_mode()), "map"),
        Command(menu, "Map: next colour scale", ("C",), page(lambda page: page.map.bar.next_scale()), "map"),
        Command(
            menu,
            "Map: time downward",
            ("X",),
            page(lambda page: page.map.flip()),
            "map",
            on(lambda page: page.map.sheet.down),
        ),
        Command(
            menu,
            "Map: fitted lines",
            ("E",),
            page(lambda page: page.map.toggle_lines()),
            "map",
            on(lambda page: page.map.with_lines),
        ),
        Command(
            menu,
            "Pattern: logarithmic intensity",
            ("Y",),
            page(lambda page: page.pattern.toggle_logarithmic()),
            "axes",
            on(lambda page: page.pattern.logarithmic),
        ),
        Command(menu, "2θ, Q or d: the next", ("U",), page(lambda page: page.map.bar.next_unit()), "axes"),
        Command(
            menu,
            "Time of day",
            ("T",),
            page(lambda page: page.toggle_clock()),
            "axes",
            on(lambda page: page.clock),
            on(lambda page: page.has_clock),
        ),
        Command(
            menu,
            "Strip: header values, Rwp, intensity",
            ("R",),
            page(lambda page: page.toggle_strip()),
            "panels",
            on(lambda page: not page.strip.isHidden()),
        ),
        Command(
            menu,
            "Strip: next value",
            ("Shift+R",),
            page(lambda page: page.strip.next_quantity()),
            "panels",
            can=on(lambda page: not page.strip.isHidden()),
        ),
        Command(
            menu,
            "Detector image with mask and rings",
            ("I",),
            page(lambda page: page.toggle_image()),
            "panels",
            on(lambda page: not page.image.panel.isHidden()),
        ),
        Command(
            menu,
            "Second opinion: the reflection alone",
            ("O",),
            page(lambda page: page.toggle_second_opinion()),
            "panels",
            on(lambda page: page.has_second_opinion),
        ),
    ]


def list_commands(docks: Docks) -> list[Command]:
    """What can be opened beside the page."""
    return [
        Command(VIEW, "List of frames and gaps", ("G",), docks.toggle_frames, "lists", docks.shows_frames),
        Command(VIEW, "List of marks", ("K",), docks.toggle_marks, "lists", docks.shows_marks),
        Command(VIEW, "Results of the run", ("V",), docks.toggle_results, "lists", docks.shows_results),
        Command(VIEW, "Log", ("L",), docks.toggle_log, "lists", docks.shows_log),
    ]


def alarm_commands(alarms: WindowAlarms, acknowledge: Act) -> list[Command]:
    """That the alarms were seen, and the ways in which they are given."""
    menu = "&Alarms"
    ways = {"sound": "Sound", "repeat": "Sound again every minute until seen", "notice": "Notice of the desktop"}
    return [
        Command(menu, "Alarms seen", ("A",), acknowledge, "seen", can=lambda: bool(alarms.standing())),
        *(
            Command(menu, text, (), partial(alarms.toggle, way), "ways", partial(alarms.gives, way))
            for way, text in ways.items()
        ),
    ]
