"""Files of any usual format with columns of any name: guessed, mapped, tried and imported."""
