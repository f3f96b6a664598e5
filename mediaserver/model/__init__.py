"""What a Kurento class is: its arguments, properties, operations and events, and how calls reach them."""
