"""Real servers and programs: brokers, databases, proxies, coturn, Prometheus, and our own programs."""
