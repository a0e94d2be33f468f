"""The catalogue: what a factory has, found by words in Chinese and English and by facets. It reads declarations, no rows."""
