"""Features: the columns computed from each customer's facts, which every scorecard model reads by name."""
