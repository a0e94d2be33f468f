"""Operations: what works across workshops and on versions that exist. A single step of making a version is its workshop's."""
