"""Pages that look like Xero's, for people: the places that links in the product lead to."""
