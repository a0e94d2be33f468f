"""Transport: how bytes are fetched from servers, archives and databases of others. What is in them is `reserve/formats`'s."""
