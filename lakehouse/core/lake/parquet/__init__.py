"""Parquet files below the level of rows: footers as plain data, row groups moved as bytes. No table is known here."""
