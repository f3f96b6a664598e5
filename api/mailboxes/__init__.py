"""The long poll: mailboxes held on this pod, and forwarding to the pod that holds a mailbox (design 4)."""
