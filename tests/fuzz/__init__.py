"""A million frames of seeded noise through everything that reads what others wrote."""
