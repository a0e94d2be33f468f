"""Bronze tables: how items become rows, what is new against the rows that are there, how live rows are read."""
