"""Frames that a detector sends over the network: DECTRIS stream v2 and EPICS PVA."""
