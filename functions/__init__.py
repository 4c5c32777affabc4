"""Lambda entry points: parse the event, call one service, render the answer."""

import gc
import os

# A start makes a hundred thousand objects that stay: looking for garbage among them finds none, and takes a tenth of
# its time. `functions.init` leaves them out of all searches, and sets the threshold for what calls leave behind.
gc.set_threshold(500_000)

# pydantic otherwise reads the metadata of every installed package for plugins, which might take part in validation.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
