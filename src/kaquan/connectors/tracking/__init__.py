"""The tracking API: messages of Segment's kind, people, carts and orders from them."""
