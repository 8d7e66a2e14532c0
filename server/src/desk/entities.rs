//! Things that a text names: addresses, numbers, dates; for the summary of a hand-off.
