"""Files of customers, products, variants and orders: good rows are stored, bad ones reported."""
