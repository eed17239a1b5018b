"""What each customer has brought and will bring.

Answers: where are the figures (:data:`~tenure.value.lifetime.figures.FIGURES`) and the part of the scorecard
(:data:`~tenure.value.lifetime.part.PART`)? Choosing, back-tests, scores and reports stand in modules of their own.
"""
