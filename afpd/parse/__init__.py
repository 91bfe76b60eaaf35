"""From the bytes of a bank mail to transactions. Pure: no I/O, no clock; everything it reads of a mail is hostile."""
