"""HTTP edge: server, middleware, problem bodies, OpenAPI."""
