"""One row per customer: everything the other rooms find out, made together and published together."""
