"""What every wrapper repairs once a second."""
