"""Windows for work beside a run: they neither hold it up nor end with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtWidgets import QApplication, QDialog

from latticewatch.app.run.decisions import RunPlan
from latticewatch.app.run.given import Given
from latticewatch.app.window.geometry_window import GeometryWindow
from latticewatch.app.window.keys import Command
from latticewatch.app.window.mask_editor import MaskEditor, Source, scan_source
from latticewatch.app.window.run_page import RunPage
from latticewatch.widgets.theme import applied_theme

MENU = "&Tools"


@dataclass(frozen=True, slots=True)
class Tools:
    """What is opened beside a run; it begins with the run's files. scan: where its frames are; None: by a stream."""

    given: Given
    scan: Path | None = None

    @classmethod
    def of(cls, plan: RunPlan) -> "Tools":
        """Those of a run that was decided."""
        scan = plan.request.scan
        if plan.inputs is None:
            return cls(Given(), scan)
        geometry, mask = plan.inputs.geometry, plan.inputs.mask
        poni = Path(geometry.source)
        given = Given(geometry=poni if poni.is_file() else None, mask=mask, orientation=geometry.orientation)
        return cls(given, scan)

    def commands(self, page: Callable[[], RunPage | None], use_mask: Callable[[Path], object]) -> list[Command]:
        """What the menu offers. page: the one that is shown. use_mask: uses a mask for the scan from now on."""

        def edit_mask() -> None:
            shown = page()
            row = shown.shown_row() if shown is not None else None
            self.edit_mask(use_mask, None if row is None else row.name)

        return [
            Command(MENU, "Geometry by a standard …", ("Ctrl+G",), self.check_geometry, "tools"),
            Command(MENU, "Mask …", ("Ctrl+Shift+M",), edit_mask, "tools"),
        ]

    def check_geometry(self) -> None:
        """Check and refine a geometry by a standard, beside the run."""
        _open(GeometryWindow(QApplication.activeWindow(), applied_theme(), self.given))

    def edit_mask(
        self, use_mask: Callable[[Path], object], name: str | None, pixel: tuple[int, int] | None = None
    ) -> None:
        """Draw a mask on the frame of this name, beside the run. pixel: it is masked, and shown large."""
        source: Source | None = scan_source(self.scan, name) if self.scan is not None and name is not None else None
        folder = self.scan.absolute().parent if self.scan is not None else None
        _open(
            MaskEditor(
                QApplication.activeWindow(),
                source,
                mask=self.given.mask,
                pixel=pixel,
                folder=folder,
                use=use_mask,
            )
        )


def _open(window: QDialog) -> None:
    window.finished.connect(window.deleteLater)
    window.show()
