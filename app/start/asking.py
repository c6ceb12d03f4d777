"""For those who do not type: the start dialog."""

from latticewatch.app.checks.machine import display
from latticewatch.app.start.dialog import Start, StartDialog
from latticewatch.app.window.application import make_application
from latticewatch.processing.errors import UserError
from latticewatch.widgets.theme import LIGHT, apply_theme


def ask_for_scan(*, headless: bool) -> Start | None:
    """What the user chose in the start dialog; None where it was closed. Raises UserError without a display."""
    if headless or not display():
        raise UserError("watch: no FOLDER given and no display for the start dialog; name the folder to watch")
    application = make_application()
    apply_theme(application, LIGHT)
    dialog = StartDialog(LIGHT)
    dialog.exec()
    return dialog.start
