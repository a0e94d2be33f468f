"""The ground under all rooms: identities, declarations, the lake, runs, the register of versions. It knows no workshop."""
