"""What is drawn: head, skin, face, hair, hats, glasses, clothes, and what stands behind them."""
