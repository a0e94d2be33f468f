"""A run of each connector against a real server on loopback, one file a connector."""
