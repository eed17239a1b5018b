"""Numeric models, one file each, derived from the papers and pinned to published numbers.

Arrays in, numbers out: no facts, no tables of a lake, no clock. What no page, command or public name uses yet lives in
``contracts`` and ``experiments``.
"""
