"""Reserve: material from anywhere becomes rows of bronze, screened on arrival. Cleaning rows is `production`'s."""
