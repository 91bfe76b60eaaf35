"""afpd follows many Gmail accounts and turns the notification mails of banks into transactions."""

__version__ = "0.1.0"
