"""What holds for all tests."""

import signal

# A shell that starts the tests in the background has SIGINT ignored, and every process below inherits that: what
# Ctrl-C does could not be tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
