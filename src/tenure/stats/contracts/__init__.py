"""Models of renewals and of whole opportunities: sBG, BdW and BG/BB.

Not on the product's path yet: no page, command or public name calls them. Their first users are the packages to come
for contracts (sBG, BdW: renewals a subscriber is still worth) and donations (BG/BB).
"""
