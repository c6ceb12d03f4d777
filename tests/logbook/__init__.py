"""Tests of posting to logbooks, against doubles on this machine."""
