"""Stage economics: what standing in a stage is worth in money, and what that means for the next yuan.

Everything here describes what went together in the past: that those who reached a stage brought more does not prove
that bringing someone there makes them bring as much.
"""
