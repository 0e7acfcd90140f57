"""What is drawn of a person: head, skin, face, hair, hats, glasses, clothes."""
