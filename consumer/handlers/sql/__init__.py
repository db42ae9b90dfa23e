"""What lands in a database: the row of an event, and a view for each event of the catalog."""
