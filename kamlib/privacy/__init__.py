"""Who sees what: roles that see their own accounts only, and runs for others' eyes, with pseudonyms for names."""
