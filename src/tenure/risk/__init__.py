"""Who will leave, when and why: churn, decline, early warnings, each with its reasons."""
