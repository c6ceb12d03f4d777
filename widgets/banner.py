"""The state, readable across the hutch: in words, in shape and in colour."""

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QBrush, QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from latticewatch.processing.flow.wording import PART, Headline
from latticewatch.widgets.theme import Theme

SIZES_PT = (20.0, 11.5, 11.5, 11.5, 10.0)
LONGEST_SAMPLE_PX = 260
MARGIN_PX = 14


class StateShape(QWidget):
    """One shape per state, so that none rests on colour alone."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._kind = "waiting"
        self.setFixedSize(44, 44)

    def show_kind(self, kind: str) -> None:
        if kind != self._kind:
            self._kind = kind
            self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        del a0
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = QColor(self._theme.states[self._kind][1])
        painter.setPen(QPen(ink, 4.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(QBrush(Qt.BrushStyle.NoBrush))
        side = float(min(self.width(), self.height()))
        painter.scale(side / 44.0, side / 44.0)
        _DRAW[self._kind](painter, ink)


def _ring(painter: QPainter, ink: QColor) -> None:
    del ink
    painter.drawEllipse(QRectF(9, 9, 26, 26))
    painter.drawPolyline(QPolygonF([QPointF(22, 15), QPointF(22, 22), QPointF(27, 26)]))


def _arrow(painter: QPainter, ink: QColor) -> None:
    painter.setBrush(ink)
    painter.drawPolygon(QPolygonF([QPointF(13, 10), QPointF(34, 22), QPointF(13, 34)]))


def _bars(painter: QPainter, ink: QColor) -> None:
    painter.fillRect(QRectF(11, 9, 8, 26), ink)
    painter.fillRect(QRectF(25, 9, 8, 26), ink)


def _tick(painter: QPainter, ink: QColor) -> None:
    painter.setPen(QPen(ink, 6.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.drawPolyline(QPolygonF([QPointF(9, 23), QPointF(18, 32), QPointF(35, 12)]))


def _struck(painter: QPainter, ink: QColor) -> None:
    del ink
    painter.drawEllipse(QRectF(8, 8, 28, 28))
    painter.drawLine(QPointF(12.5, 31.5), QPointF(31.5, 12.5))


def _warning(painter: QPainter, ink: QColor) -> None:
    painter.drawPolygon(QPolygonF([QPointF(22, 7), QPointF(38, 36), QPointF(6, 36)]))
    painter.drawLine(QPointF(22, 18), QPointF(22, 25))
    painter.setBrush(ink)
    painter.drawEllipse(QPointF(22, 31), 0.8, 0.8)


_DRAW = {
    "waiting": _ring,
    "reacting": _arrow,
    "paused": _bars,
    "complete": _tick,
    "no_beam": _struck,
    "silent": _warning,
    "error": _warning,
}


class Banner(QWidget):
    """Shape, headline and detail at the left; frame and lattice parameters at the right."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._kind, self._scale = "", 1.0
        self.setAutoFillBackground(True)
        self._shape = StateShape(theme)
        self._words, self._detail = _label(_Line(), bold=True), _label(_Line())
        self._facts, self._sample, self._lag = (_label(QLabel(), align=Qt.AlignmentFlag.AlignRight) for _ in range(3))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(MARGIN_PX, 6, MARGIN_PX, 6)
        layout.setSpacing(MARGIN_PX)
        layout.addWidget(self._shape)
        # A long headline is cut rather than widening the window; the numbers are never cut.
        for label in (self._words, self._detail):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        layout.addLayout(_stacked(self._words, self._detail), 1)
        layout.addLayout(_stacked(self._facts, self._sample, self._lag))
        self.set_scale(1.0)  # what is hidden or shown before it has a parent would be a window of its own
        self.show_headline(Headline("waiting", "WAITING", "for the first frame"))

    def show_headline(self, headline: Headline) -> None:
        self._words.setText(headline.words)
        self._make_room()
        self._detail.setText(headline.detail)
        self.setToolTip(headline.why)
        self.setAccessibleName(f"{headline.words}, {headline.detail}")
        if headline.kind != self._kind:
            self._kind = headline.kind
            self._shape.show_kind(headline.kind)
            self._colour(*self._theme.states[headline.kind])

    def show_sample(self, sample: str) -> None:
        """What is measured; on the wall, where no title bar says it."""
        self._sample.setText(self.fontMetrics().elidedText(sample, Qt.TextElideMode.ElideMiddle, LONGEST_SAMPLE_PX))

    def set_scale(self, scale: float) -> None:
        """Size of the type; 1 in the window. On the wall it is more, and the numbers stand over the trace only."""
        self._scale = scale
        self._sample.setVisible(scale != 1.0)
        self._shape.setFixedSize(round(44 * scale), round(44 * scale))
        labels = (self._words, self._detail, self._facts, self._sample, self._lag)
        for label, size_pt in zip(labels, SIZES_PT, strict=True):
            font = label.font()
            font.setPointSizeF(size_pt * scale)
            label.setFont(font)
        self._make_room()

    def show_facts(self, facts: str, lag: str) -> None:
        self._facts.setText(facts)
        self._lag.setText(lag)
        self._make_room()

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        self._make_room()

    def _make_room(self) -> None:
        """Where there is no room for both the state comes first: the numbers stand over the trace as well."""
        beside = max(self._facts.sizeHint().width(), self._lag.sizeHint().width())
        words = self._words.fontMetrics().horizontalAdvance(self._words.text())
        fits = self._shape.width() + words + beside + 6 * MARGIN_PX <= self.width()
        self._facts.setVisible(self._scale == 1.0 and fits)

    def facts(self) -> str:
        return self._facts.text()

    def words(self) -> str:
        return self._words.text()

    def _colour(self, ground: str, ink: str) -> None:
        palette = self.palette()
        palette.setColor(palette.ColorRole.Window, QColor(ground))
        palette.setColor(palette.ColorRole.WindowText, QColor(ink))
        self.setPalette(palette)


class _Line(QLabel):
    """One line that is cut between its parts, or a word's letters: half a number would be another number."""

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        del a0
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), self.alignment(), fitting(self.text(), self.fontMetrics(), self.width()))


def fitting(text: str, metrics: QFontMetrics, width: int) -> str:
    """As many of its parts (between dots) as there is room for, with an ellipsis where some are left out."""
    parts = text.split(PART)
    for count in range(len(parts), 0, -1):
        shown = PART.join(parts[:count]) + (" …" if count < len(parts) else "")
        if metrics.horizontalAdvance(shown) <= width:
            return shown
    return metrics.elidedText(parts[0], Qt.TextElideMode.ElideRight, width)


def _label(label: QLabel, *, bold: bool = False, align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft) -> QLabel:
    label.setTextFormat(Qt.TextFormat.PlainText)
    font = QFont(label.font())
    font.setBold(bold)
    label.setFont(font)
    label.setAlignment(align | Qt.AlignmentFlag.AlignVCenter)
    return label


def _stacked(*labels: QLabel) -> QVBoxLayout:
    layout = QVBoxLayout()
    layout.setSpacing(0)
    for label in labels:
        layout.addWidget(label)
    return layout
