"""Numbers: every equation by a second route, and identities that no single formula contains."""
