"""What people fill in or take back into their CRM: the Excel template, its three tables, and the tier file."""
