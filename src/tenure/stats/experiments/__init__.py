"""What randomised experiments show: the average effect of a treatment, and whether some customers gain more.

Not on the product's path yet; the first user is the package to come that measures campaigns. Called experiments
because a *trial* is a back-test elsewhere (:mod:`tenure.value.trial`).
"""
