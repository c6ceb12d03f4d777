"""``latticewatch logbook``: a run goes into an electronic logbook."""

from pathlib import Path
from typing import Annotated

import typer

from latticewatch.app.commands import options

Run = Annotated[Path | None, typer.Argument(metavar="RUN", help="A run file. Left out: with --pending or --discard.")]
To = Annotated[str | None, typer.Option("--to", metavar="NAME", help="Which logbook. Default: the only one.")]
Text = Annotated[str, typer.Option("--text", metavar="WORDS", help="Your own words, above the summary.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE.toml", help="Default: your own logbook.toml.")]
Pending = Annotated[bool, typer.Option("--pending", help="Post only what waits.")]
Again = Annotated[bool, typer.Option("--again", help="Post also what may have arrived already.")]
Discard = Annotated[str | None, typer.Option("--discard", metavar="ENTRY", help="Forget an entry that waits.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, send nothing.")]


def logbook(
    run: Run = None,
    to: To = None,
    text: Text = "",
    config: Config = None,
    pending: Pending = False,
    again: Again = False,
    discard: Discard = None,
    dry_run: DryRun = False,
    verbose: options.Verbose = False,
) -> int:
    """Post a picture and the summary of a run to a logbook; what cannot be posted waits for the next time.

    Example: latticewatch logbook br_i_003.h5 --text "thick shell, second injection"
    """
    del verbose
    if (run is not None) == (pending or discard is not None):
        raise typer.BadParameter("give a RUN, or --pending, or --discard ENTRY", param_hint="RUN")
    from latticewatch.app.logbook.session import (  # slow to load: requests, h5py
        discard_entry,
        post_pending,
        post_run,
        show_pending,
        show_run,
    )
    from latticewatch.app.window.application import png_of  # slow to load: Qt

    if discard is not None:
        lines = discard_entry(discard)
    elif run is None:
        lines = show_pending() if dry_run else post_pending(config, again=again)
    elif dry_run:
        lines = show_run(run, config, to, text, png_of)
    else:
        lines = post_run(run, config, to, text, png_of, again=again)
    for line in lines:
        typer.echo(line)
    return 0
