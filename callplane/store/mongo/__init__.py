"""MongoDB's driver: opening the database, its clock, its errors, its codec."""
