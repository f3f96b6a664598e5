"""Far ends that do as a test tells them, for what no honest server does."""
