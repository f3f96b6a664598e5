"""Test kit of tests and benches: real servers, clients that judge what they get, faults, and parts in this process."""
