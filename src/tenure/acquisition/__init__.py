"""How strangers become buyers: first contact, the steps to the first order, and the windows in which they decide."""
