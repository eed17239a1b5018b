"""The pages of facts: first steps, imports, quarantine."""
