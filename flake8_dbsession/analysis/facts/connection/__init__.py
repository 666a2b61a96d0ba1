"""What is particular to plain connections and to statements as text: what DBS6 rules read."""
