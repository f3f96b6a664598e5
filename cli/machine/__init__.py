"""Real servers on this machine: each launcher starts one, tells when it is ready, and leaves nothing behind."""
