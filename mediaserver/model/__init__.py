"""Class model of Kurento: arguments, properties, operations and events of each class, and how calls reach them."""
