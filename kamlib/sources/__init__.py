"""From exported files to the canonical tables: the reader, and one mapping per source."""
