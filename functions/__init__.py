"""Lambda entry points: parse the event, call one service, render the answer."""
