"""Keypads: the keys a citizen presses. One module per technology, the simulator beside them."""
