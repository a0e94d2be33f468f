"""Landing: bytes from elsewhere kept as they came, before they are read as items."""
