"""The run file: written row by row, read back whole."""

from latticewatch.processing.record.elsewhere import Elsewhere
from latticewatch.processing.record.header import InputFile, RunHeader, input_file, software_versions
from latticewatch.processing.record.run_reader import Note, Run, RunRows, read_run
from latticewatch.processing.record.run_writer import RunWriter
from latticewatch.processing.record.stopped import RecordingStopped

__all__ = [
    "Elsewhere",
    "InputFile",
    "Note",
    "RecordingStopped",
    "Run",
    "RunHeader",
    "RunRows",
    "RunWriter",
    "input_file",
    "read_run",
    "software_versions",
]
