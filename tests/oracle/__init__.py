"""An independent reading of docs/reference/rule-language.md, day by day, in plain Python.

Answers: what should the product say, as a careful clerk with a calendar would work it out? It shares no line with the
product's rule language or kernel; it is slow, exact (fractions, no floats) and obvious.
"""
