"""The ground that all rooms stand on: identities, declarations, the lake, runs, the register of versions. It knows no workshop."""
