"""BG/CNBD-k and MBG/CNBD-k: like BG/NBD and MBG/NBD, but purchases come more regularly than at random.

Answers: when does silence mean leaving? Three weeks of silence say more of a customer who buys every Saturday than of
one who buys at random. k counts the regularity: gaps between purchases are Erlang-k. Chatfield and Goodhardt (1973),
Journal of the American Statistical Association 68(344); Reutterer, Platzer and Schröder (2021), International Journal
of Research in Marketing 38(1).
"""

from __future__ import annotations

from tenure.stats.condensed import Condensed

MOST = 6
CNBD = {k: Condensed(f"cnbd-{k}", k) for k in range(2, MOST + 1)}  # nobody leaves
BG_CNBD = {k: Condensed(f"bg-cnbd-{k}", k, "repeat", CNBD[k]) for k in range(2, MOST + 1)}
MBG_CNBD = {k: Condensed(f"mbg-cnbd-{k}", k, "every", CNBD[k]) for k in range(2, MOST + 1)}
