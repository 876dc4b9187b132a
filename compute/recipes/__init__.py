"""Training programs. Free of Django: they meet the hub only through its standard client."""
