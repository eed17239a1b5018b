"""What goes with what, and what a customer will probably want next."""
