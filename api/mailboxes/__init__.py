"""Mailboxes: held on this pod, and polls forwarded to the pod that holds one (design 4)."""
