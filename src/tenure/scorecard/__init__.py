"""One row per customer: value, risk, recommendations and decisions, computed and published together."""
