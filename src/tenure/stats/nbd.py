"""NBD: purchases at random, at a rate of each customer's own, and nobody ever leaves.

Answers: what would the future be if everybody stayed? It is the model that the others become when the data show no
leaving, and then the one whose expectations are used. Ehrenberg (1959), "The pattern of consumer purchases", Applied
Statistics 8(1).
"""

from __future__ import annotations

from tenure.stats.condensed import Condensed

NBD = Condensed("nbd")
