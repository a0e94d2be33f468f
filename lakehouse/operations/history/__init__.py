"""History of versions: what differs between two, where a row came from, which versions hold it. It changes nothing."""
