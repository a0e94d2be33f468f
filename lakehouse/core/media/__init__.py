"""Media rows: bytes with a type, a size and the part they are (page, region, segment). Nothing is here yet; bytes are in `storage`."""
