"""The pages of the people who use the product: settings, signing in and out."""
