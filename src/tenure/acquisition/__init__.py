"""From the first contact to the first transaction: the steps on the way, and the windows in which people decide."""
