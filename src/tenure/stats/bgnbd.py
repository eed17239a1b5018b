"""BG/NBD and MBG/NBD: purchases at random, and after a purchase a customer may have left.

Answers: who is still a customer where nobody says goodbye? In BG/NBD a customer may leave after each repeat purchase,
so that one-time buyers count as still there; in MBG/NBD after the first purchase too. Fader, Hardie and Lee (2005),
"Counting your customers the easy way", Marketing Science 24(2); Batislam, Denizel and Filiztekin (2007), International
Journal of Research in Marketing 24(3).
"""

from __future__ import annotations

from tenure.stats.condensed import Condensed
from tenure.stats.nbd import NBD

BG_NBD = Condensed("bg-nbd", 1, "repeat", NBD)
MBG_NBD = Condensed("mbg-nbd", 1, "every", NBD)
