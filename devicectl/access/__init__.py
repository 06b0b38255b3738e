"""Who may do what: operators, roles, PINs."""
