"""What tests and benches share: real servers, clients that judge what they get, faults, and parts in this process."""
