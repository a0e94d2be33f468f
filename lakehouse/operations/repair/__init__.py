"""Repair: from findings over tickets and decisions to the next version. Finding rows that are wrong is `pilot/diagnosis`'s."""
