"""The state of one moment: as metrics, as a status page, and for people."""
