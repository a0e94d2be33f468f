"""Who may read what, and the one door through which it is read."""
