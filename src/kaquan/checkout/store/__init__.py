"""SQL of the checkout: what a decision is made on, and the register of redemptions."""
