"""The playbook `retail`, compiled once for all tests of a process: it is immutable."""

from actors.playbook.loader import compile_bundle, library

BUNDLE = library("retail")
RETAIL = compile_bundle(BUNDLE)
