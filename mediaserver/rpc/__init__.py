"""The RPC methods of the protocol over connections, sessions and the request cache."""
