"""The catalogue: what there is in a factory, found by words in Chinese and English and by facets."""
