"""What a stage is worth in money, what a move is worth, and where to invest or withdraw."""
