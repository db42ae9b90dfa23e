"""What `consume archive` does: reads a whole archive, and says whether it is what was written."""
