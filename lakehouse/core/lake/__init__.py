"""The lake's tables and files: Delta tables, Parquet, sealed files, folders and object stores. What the rows mean is not known here."""
