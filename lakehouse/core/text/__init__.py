"""Text: rules and vocabularies of languages, shared by reserve and production. Which rows stay is decided elsewhere."""
