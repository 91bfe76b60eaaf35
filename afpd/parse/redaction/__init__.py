"""Mails made fit to be shared: the layout stays, names, addresses, numbers and keys become invented ones."""
